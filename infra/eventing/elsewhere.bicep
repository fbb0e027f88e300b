// Another subscription whose AKS maintenance, or whose fleets' gates, the app tells of: a system topic belongs to the subscription that
// it speaks of. With a topic of its own there, in a resource group of its own.
targetScope = 'subscription'

param environmentName string
param location string
@description('Short name of what its topic is about.')
param what string = 'aks'
param topicType string = 'microsoft.resourcenotifications.containerserviceeventresources'
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
param deadLetterIdentityId string
param actionGroupId string

var tags = { 'azd-env-name': environmentName }
var token = uniqueString(subscription().subscriptionId, environmentName)
var topicName = 'evgt-${what}-${token}'
var groupName = 'rg-${environmentName}-events'
var topicId = resourceId(subscription().subscriptionId, groupName, 'Microsoft.EventGrid/systemTopics', topicName)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: groupName
  location: location
  tags: tags
}

module topic 'systemTopic.bicep' = {
  scope: group
  params: {
    tags: tags
    name: topicName
    source: subscription().id
    topicType: topicType
    region: 'global'
    identityId: deadLetterIdentityId
  }
}

module eventSubscription 'subscription.bicep' = {
  scope: group
  params: {
    topicName: topicName
    subscriptionName: subscriptionName
    eventTypes: eventTypes
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
  scope: group
  params: {
    tags: tags
    suffix: what == 'aks' ? token : '${what}-${token}'
    topicId: topicId
    actionGroupId: actionGroupId
    subscriptionName: subscriptionName
    isShared: false
    // Of fleets' topic the app takes gates alone, whatever else may come.
    watchUnmatched: what == 'aks'
  }
  dependsOn: [topic]
}
