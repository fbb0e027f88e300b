// The secrets there are: the password of an SMTP relay, and what channels need. The app reads them through Key Vault
// references.
param location string
param tags { *: string }
param vaultName string
@secure()
param smtpPassword string
@description('Names of the settings that refer to further secrets.')
param secretNames string[]
@secure()
@description('Their values, by these names; one without a value stays as it is.')
param secretValues { *: string }
param isPrivate bool
param appIdentityId string
param appPrincipalId string

var roleIds = {
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
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
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

// Without a password given, what is in the vault stays. The app refers to the secret without a version: a new one is
// picked up within a day, or at the next restart.
resource password 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = if (!empty(smtpPassword)) {
  parent: vault
  name: 'smtp-password'
  properties: {
    value: smtpPassword
    contentType: 'password of the SMTP relay'
  }
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = [
  for name in secretNames: if (contains(secretValues, name)) {
    parent: vault
    name: toLower(replace(name, '_', '-'))
    properties: {
      value: secretValues[name]
      contentType: 'the setting ${name}'
    }
  }
]

resource appReadsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appIdentityId, roleIds['Key Vault Secrets User'])
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds['Key Vault Secrets User']
    )
  }
}
