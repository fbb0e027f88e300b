// The one secret there is: the password of an SMTP relay. The app reads it through a Key Vault reference.
param location string
param tags object
param vaultName string
@secure()
param smtpPassword string
param readerPrincipalId string

var secretName = 'smtp-password'
var roleIds = {
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  // checkov:skip=CKV_AZURE_109: open by network, closed by identity; a Flex app without a virtual network could not reach it
  // checkov:skip=CKV_AZURE_189: the same
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    enablePurgeProtection: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

// Without a password given, what is in the vault stays.
resource password 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(smtpPassword)) {
  // checkov:skip=CKV_AZURE_41: the relay decides how long its password lasts; docs/operations.md says how to change it
  // checkov:skip=CKV_AZURE_114: it has a content type; checkov does not see it where a resource has a condition
  parent: vault
  name: secretName
  properties: {
    value: smtpPassword
    contentType: 'password of the SMTP relay'
  }
}

resource appReadsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, readerPrincipalId, roleIds['Key Vault Secrets User'])
  scope: vault
  properties: {
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds['Key Vault Secrets User'])
  }
}

output name string = vault.name
// Without a version: a new one is picked up within a day, or at the next restart.
output smtpPasswordUri string = '${vault.properties.vaultUri}secrets/${secretName}'
