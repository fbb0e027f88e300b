// The topic of one cluster: pools that are rolled, whoever began it, new versions, the end of support. There is one
// topic for a cluster, in its region, and none for all clusters of a subscription.
param tags { *: string }
param clusterName string
param topicName string
param subscriptionName string
param functionAppId string
param functionAppUrl string
param functionName string
@allowed(['AzureFunction', 'WebHook'])
param destinationType string
@allowed(['CloudEventSchemaV1_0', 'EventGridSchema'])
param deliverySchema string
param deadLetterAccountId string
param deadLetterContainerName string
param deadLetterIdentityId string
param actionGroupId string

resource cluster 'Microsoft.ContainerService/managedClusters@2025-10-01' existing = {
  name: clusterName
}

module topic 'systemTopic.bicep' = {
  params: {
    tags: tags
    name: topicName
    source: cluster.id
    topicType: 'Microsoft.ContainerService.ManagedClusters'
    region: cluster.location
    identityId: deadLetterIdentityId
  }
}

module eventSubscription 'subscription.bicep' = {
  params: {
    topicName: topicName
    subscriptionName: subscriptionName
    eventTypes: [
      'Microsoft.ContainerService.ClusterSupportEnded'
      'Microsoft.ContainerService.ClusterSupportEnding'
      'Microsoft.ContainerService.NewKubernetesVersionAvailable'
      'Microsoft.ContainerService.NodePoolRollingFailed'
      'Microsoft.ContainerService.NodePoolRollingStarted'
      'Microsoft.ContainerService.NodePoolRollingSucceeded'
    ]
    functionAppId: functionAppId
    functionAppUrl: functionAppUrl
    functionName: functionName
    destinationType: destinationType
    deliverySchema: deliverySchema
    deadLetterAccountId: deadLetterAccountId
    deadLetterContainerName: deadLetterContainerName
    deadLetterIdentityId: deadLetterIdentityId
  }
  dependsOn: [topic]
}

module alerts '../alerts/topic.bicep' = {
  params: {
    tags: tags
    suffix: topicName
    topicId: resourceId('Microsoft.EventGrid/systemTopics', topicName)
    actionGroupId: actionGroupId
    subscriptionName: subscriptionName
    isShared: false
    watchUnmatched: true
  }
  dependsOn: [topic]
}
