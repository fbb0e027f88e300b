// The app may send through one Communication Services resource. Communication Services has no data actions:
// sending is authorised by the resource's own, so the built-in role is wide, and its scope is narrow.
param communicationServiceName string
param roleId string
param appIdentityId string
param appPrincipalId string

resource service 'Microsoft.Communication/communicationServices@2025-05-01' existing = {
  name: communicationServiceName
}

resource appSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(service.id, appIdentityId, roleId)
  scope: service
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
  }
}
