// Two identities, each with the rights of one. User-assigned: their roles are in place before the app fetches
// its package for the first time, and they outlive the app.
param location string
param tags { *: string }
param appIdentityName string
param eventGridIdentityName string

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: appIdentityName
  location: location
  tags: tags
}

// Event Grid writes dead letters with it, and nothing else.
resource eventGrid 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: eventGridIdentityName
  location: location
  tags: tags
}

output appClientId string = app.properties.clientId
output appPrincipalId string = app.properties.principalId
output eventGridPrincipalId string = eventGrid.properties.principalId
