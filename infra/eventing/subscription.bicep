// An event subscription on a system topic of this resource group: from the topic to one function of the app.
param topicName string
param subscriptionName string
param eventTypes string[]
param functionAppId string
param functionAppUrl string
param functionName string
@allowed(['AzureFunction', 'WebHook'])
param destinationType string
@allowed(['CloudEventSchemaV1_0', 'EventGridSchema'])
param deliverySchema string
param deadLetterAccountId string
param deadLetterContainerName string
@description('Identity on the topic that writes dead letters; empty: none, undeliverable events are dropped.')
param deadLetterIdentityId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

// Event Grid fetches the function's key itself, and follows when it changes.
var azureFunction = {
  endpointType: 'AzureFunction'
  properties: {
    resourceId: '${functionAppId}/functions/${functionName}'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}

// The system key stays between Azure's services. When it changes, deploy again.
var webHook = {
  endpointType: 'WebHook'
  properties: {
    endpointUrl: '${functionAppUrl}/runtime/webhooks/EventGrid?functionName=${functionName}&code=${listKeys('${functionAppId}/host/default', '2024-11-01').systemKeys.eventgrid_extension}'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}

var deadLetterTo = {
  identity: {
    type: 'UserAssigned'
    userAssignedIdentity: deadLetterIdentityId
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: deadLetterAccountId
      blobContainerName: deadLetterContainerName
    }
  }
}

resource eventSubscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: subscriptionName
  properties: {
    destination: destinationType == 'WebHook' ? webHook : azureFunction
    eventDeliverySchema: deliverySchema
    // No filter on status: one that is new to us would be lost in silence. The app decides.
    filter: {
      includedEventTypes: eventTypes
      isSubjectCaseSensitive: false
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: empty(deadLetterIdentityId) ? null : deadLetterTo
  }
}
