// The app may read a subscription: its clusters and their maintenance windows.
targetScope = 'subscription'

param appIdentityId string
param appPrincipalId string

var roleIds = {
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
}

resource appReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, appIdentityId, roleIds.Reader)
  scope: subscription()
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.Reader)
  }
}
