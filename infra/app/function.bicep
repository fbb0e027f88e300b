// The app: Python on Flex Consumption. What Flex rejects is left out: FUNCTIONS_WORKER_RUNTIME and the other
// settings that functionAppConfig stands for, and siteConfig properties such as ftpsState and linuxFxVersion.
param location string
param tags object
param planName string
param appName string
param identityId string
param identityClientId string
param blobEndpoint string
param tableEndpoint string
param packageContainerName string
param componentName string
param pythonVersion string
param instanceMemoryMB int
param maximumInstanceCount int
@description('Settings of the application: names and values.')
param settings object

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// azd finds the app by it.
var serviceTag = { 'azd-service-name': 'notifier' }

// One app for each plan is all that Flex Consumption allows.
resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  // checkov:skip=CKV_AZURE_225: zone redundancy needs instances that are always ready; an outage delays mail, and loses none
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  // checkov:skip=CKV_AZURE_17: Event Grid presents no client certificate; the endpoint asks for its system key
  // checkov:skip=CKV_AZURE_78: Flex Consumption rejects ftpsState, and has no FTP
  // checkov:skip=CKV_AZURE_222: Event Grid delivers to the public endpoint
  // checkov:skip=CKV_AZURE_212: Flex Consumption scales from zero, and the work waits in the table
  // checkov:skip=CKV_AZURE_213: a health check is for instances that are always there
  name: appName
  location: location
  tags: union(tags, serviceTag)
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }
}

// What the host asks for, with the identity in place of keys.
var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__tableServiceUri: tableEndpoint
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_THREADPOOL_THREAD_COUNT: '32'
}

resource appSettings 'Microsoft.Web/sites/config@2024-11-01' = {
  // checkov:skip=CKV_AZURE_13: checkov takes the settings for the app itself; they have none of its properties
  // checkov:skip=CKV_AZURE_63: the same
  // checkov:skip=CKV_AZURE_65: the same
  // checkov:skip=CKV_AZURE_66: the same
  // checkov:skip=CKV_AZURE_80: the same
  // checkov:skip=CKV_AZURE_88: the same
  // checkov:skip=CKV_AZURE_222: the same
  parent: app
  name: 'appsettings'
  properties: union(settings, hostSettings)
}

output id string = app.id
output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
