// The app may read all subscriptions below a management group. A template of its own, since one of subscription
// scope cannot deploy into a management group:
//   az deployment mg create -m NAME -l LOCATION -f infra/managementGroup.bicep -p appPrincipalId=ID
targetScope = 'managementGroup'

@description('Principal id of the app identity: the output APP_IDENTITY_PRINCIPAL_ID of main.bicep.')
param appPrincipalId string

var roleIds = {
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
}

resource appReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(managementGroup().id, appPrincipalId, roleIds.Reader)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: tenantResourceId('Microsoft.Authorization/roleDefinitions', roleIds.Reader)
  }
}
