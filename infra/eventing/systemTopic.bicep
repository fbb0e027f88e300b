// A system topic: where Azure puts the events of one source. There can be only one for a source and type.
param tags { *: string }
param name string
@description('Id of what sends the events.')
param source string
param topicType string
@description('Where the topic has to be: where its source is, global if that is nowhere.')
param region string
@description('Identity that writes dead letters.')
param identityId string
@description('Log Analytics workspace for what could not be delivered; empty: none.')
param workspaceId string = ''

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: region
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    source: source
    topicType: topicType
  }
}

#disable-next-line use-recent-api-versions // older or not: the stable one, of 2016, knows no log categories of Event Grid
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
  name: 'delivery-failures'
  scope: topic
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
  }
}
