// A topic that people publish sample events to, on the same way to the app as AKS's own. For trying out.
param location string
param tags { *: string }
param name string
param functionAppId string
param functionAppUrl string
param functionName string
@allowed(['AzureFunction', 'WebHook'])
param destinationType string
@description('Who may publish: object id of a user, or empty.')
param publisherPrincipalId string

var roleIds = {
  'EventGrid Data Sender': 'd5a91429-5739-47e2-a06b-3470a27159e7'
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
    minimumTlsVersionAllowed: '1.2'
  }
}

var azureFunction = {
  endpointType: 'AzureFunction'
  properties: {
    resourceId: '${functionAppId}/functions/${functionName}'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}
var webHook = {
  endpointType: 'WebHook'
  properties: {
    endpointUrl: '${functionAppUrl}/runtime/webhooks/EventGrid?functionName=${functionName}&code=${listKeys('${functionAppId}/host/default', '2024-11-01').systemKeys.eventgrid_extension}'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}

resource eventSubscription 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'aks-maintenance-notifier'
  properties: {
    destination: destinationType == 'WebHook' ? webHook : azureFunction
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    retryPolicy: {
      maxDeliveryAttempts: 3
      eventTimeToLiveInMinutes: 10
    }
  }
}

resource userPublishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(publisherPrincipalId)) {
  name: guid(topic.id, publisherPrincipalId, roleIds['EventGrid Data Sender'])
  scope: topic
  properties: {
    principalId: publisherPrincipalId
    principalType: 'User'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds['EventGrid Data Sender']
    )
  }
}

output endpoint string = topic.properties.endpoint
