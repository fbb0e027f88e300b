// The app: Python on Flex Consumption. What Flex rejects is left out: FUNCTIONS_WORKER_RUNTIME and the other
// settings that functionAppConfig stands for, and siteConfig properties such as ftpsState and linuxFxVersion.
param location string
param tags { *: string }
param planName string
param appName string
param identityId string
param identityClientId string
param blobEndpoint string
param tableEndpoint string
param packageContainerName string
param componentName string
@description('Subnet whose network the app takes part in; empty: none.')
param subnetId string
param pythonVersion string
param instanceMemoryMB int
param maximumInstanceCount int
@description('Settings of the application: names and values.')
param settings { *: string }

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// azd finds the app by it.
var serviceTag = { 'azd-service-name': 'notifier' }

// One app for each plan is all that Flex Consumption allows.
resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
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

resource app 'Microsoft.Web/sites@2025-03-01' = {
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
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
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

resource appSettings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, hostSettings)
}

output url string = 'https://${app.properties.defaultHostName}'
