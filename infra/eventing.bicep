// The event subscriptions: the second step, once the code is deployed and the functions are there.
// python -m ops.subscribe waits for that and fills in the parameters from the first step's outputs.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the deployment, as in main.bicep.')
param environmentName string

@minLength(1)
param location string

@description('Resource group of the app.')
param resourceGroupName string

param functionAppId string

param functionAppUrl string

@description('System topic of AKS maintenance, and its resource group.')
param topicName string

param topicResourceGroup string

@description('Whether that topic carries the identity for dead letters.')
param topicHasIdentity bool = true

@description('System topic of the mail service\'s delivery reports; empty: none.')
param emailTopicName string = ''

@description('System topic of Fleet Manager\'s gates in this subscription; empty: none.')
param fleetTopicName string = ''

@description('Its resource group. Default: the one of the app.')
param fleetTopicResourceGroup string = ''

@description('Whether that topic carries the identity for dead letters.')
param fleetTopicHasIdentity bool = true

param deadLetterIdentityId string

param deadLetterAccountId string

param deadLetterContainerName string = 'event-dead-letter'

param actionGroupId string

@allowed(['AzureFunction', 'WebHook'])
@description('How events reach the app. WebHook: the function\'s URL with its system key, if AzureFunction with CloudEvents should not be accepted.')
param destinationType string = 'AzureFunction'

@allowed(['CloudEventSchemaV1_0', 'EventGridSchema'])
@description('Schema of AKS events on delivery. The app reads both.')
param deliverySchema string = 'CloudEventSchemaV1_0'

@description('Event types to take. AKS has been seen to use Microsoft.ResourceNotifications.MaintenanceResources.ScheduledEventEmitted too; the app reads both, and the alert unmatched tells.')
param eventTypes string[] = ['Microsoft.ResourceNotifications.ContainerServiceEventResources.ScheduledEventEmitted']

@description('Ids of further subscriptions whose AKS maintenance the same app tells of.')
param furtherSubscriptions string[] = []

@description('Ids of clusters whose own topics the app hears as well: pools that are rolled, whoever began it, and new versions.')
param clusterTopics string[] = []

@description('Ids of further subscriptions whose fleets\' gates the same app tells of.')
param furtherFleetSubscriptions string[] = []

@description('Name of a topic to make for sample events; empty: none.')
param testTopicName string = ''

@description('Object id of the user who may publish to it.')
param principalId string = ''

// As in main.bicep. Environments that share a topic must not take each other's event subscription.
var subscriptionName = 'aks-maintenance-notifier-${uniqueString(subscription().subscriptionId, environmentName)}'
// Each once, whatever its spelling; the app's own has its topic already.
var subscriptions = filter(
  union([], map(furtherSubscriptions, id => toLower(trim(id)))),
  id => id != toLower(subscription().subscriptionId)
)
// Each once, whatever its spelling.
var clusters = map(union([], map(clusterTopics, id => toLower(trim(id)))), id => {
  topic: 'evgt-cluster-${uniqueString(id, environmentName)}'
  subscription: split(id, '/')[2]
  group: split(id, '/')[4]
  name: split(id, '/')[8]
})
var fleetSubscriptions = filter(
  union([], map(furtherFleetSubscriptions, id => toLower(trim(id)))),
  id => id != toLower(subscription().subscriptionId)
)
var gateEvents = [
  'Microsoft.ResourceNotifications.AKSResources.FleetGateCreated'
  'Microsoft.ResourceNotifications.AKSResources.FleetGateUpdated'
  'Microsoft.ResourceNotifications.AKSResources.FleetGateDeleted'
]
var tags = { 'azd-env-name': environmentName }

module maintenance 'eventing/subscription.bicep' = {
  scope: resourceGroup(topicResourceGroup)
  params: {
    topicName: topicName
    subscriptionName: subscriptionName
    eventTypes: eventTypes
    functionAppId: functionAppId
    functionAppUrl: functionAppUrl
    functionName: 'maintenance_events'
    destinationType: destinationType
    deliverySchema: deliverySchema
    deadLetterAccountId: deadLetterAccountId
    deadLetterContainerName: deadLetterContainerName
    deadLetterIdentityId: topicHasIdentity ? deadLetterIdentityId : ''
  }
}

module reports 'eventing/subscription.bicep' = if (!empty(emailTopicName)) {
  scope: resourceGroup(resourceGroupName)
  params: {
    topicName: emailTopicName
    subscriptionName: subscriptionName
    eventTypes: ['Microsoft.Communication.EmailDeliveryReportReceived']
    functionAppId: functionAppId
    functionAppUrl: functionAppUrl
    functionName: 'email_reports'
    destinationType: destinationType
    deliverySchema: deliverySchema
    deadLetterAccountId: deadLetterAccountId
    deadLetterContainerName: deadLetterContainerName
    deadLetterIdentityId: deadLetterIdentityId
  }
}

module gates 'eventing/subscription.bicep' = if (!empty(fleetTopicName)) {
  scope: resourceGroup(empty(fleetTopicResourceGroup) ? resourceGroupName : fleetTopicResourceGroup)
  params: {
    topicName: fleetTopicName
    subscriptionName: subscriptionName
    eventTypes: gateEvents
    functionAppId: functionAppId
    functionAppUrl: functionAppUrl
    functionName: 'maintenance_events'
    destinationType: destinationType
    deliverySchema: deliverySchema
    deadLetterAccountId: deadLetterAccountId
    deadLetterContainerName: deadLetterContainerName
    deadLetterIdentityId: fleetTopicHasIdentity ? deadLetterIdentityId : ''
  }
}

module elsewhere 'eventing/elsewhere.bicep' = [
  for id in subscriptions: {
    scope: subscription(id)
    params: {
      environmentName: environmentName
      location: location
      subscriptionName: subscriptionName
      eventTypes: eventTypes
      functionAppId: functionAppId
      functionAppUrl: functionAppUrl
      functionName: 'maintenance_events'
      destinationType: destinationType
      deliverySchema: deliverySchema
      deadLetterAccountId: deadLetterAccountId
      deadLetterContainerName: deadLetterContainerName
      deadLetterIdentityId: deadLetterIdentityId
      actionGroupId: actionGroupId
    }
  }
]

module ofCluster 'eventing/clusterTopic.bicep' = [
  for cluster in clusters: {
    scope: resourceGroup(cluster.subscription, cluster.group)
    params: {
      tags: tags
      clusterName: cluster.name
      topicName: cluster.topic
      subscriptionName: subscriptionName
      functionAppId: functionAppId
      functionAppUrl: functionAppUrl
      functionName: 'maintenance_events'
      destinationType: destinationType
      deliverySchema: deliverySchema
      deadLetterAccountId: deadLetterAccountId
      deadLetterContainerName: deadLetterContainerName
      deadLetterIdentityId: deadLetterIdentityId
      actionGroupId: actionGroupId
    }
  }
]

module gatesElsewhere 'eventing/elsewhere.bicep' = [
  for id in fleetSubscriptions: {
    scope: subscription(id)
    params: {
      environmentName: environmentName
      location: location
      what: 'fleet'
      topicType: 'Microsoft.ResourceNotifications.AKSResources'
      subscriptionName: subscriptionName
      eventTypes: gateEvents
      functionAppId: functionAppId
      functionAppUrl: functionAppUrl
      functionName: 'maintenance_events'
      destinationType: destinationType
      deliverySchema: deliverySchema
      deadLetterAccountId: deadLetterAccountId
      deadLetterContainerName: deadLetterContainerName
      deadLetterIdentityId: deadLetterIdentityId
      actionGroupId: actionGroupId
    }
    // Both make the resource group where a subscription has maintenance and fleets.
    dependsOn: [elsewhere]
  }
]

module testTopic 'eventing/testTopic.bicep' = if (!empty(testTopicName)) {
  name: 'test-topic'
  scope: resourceGroup(resourceGroupName)
  params: {
    location: location
    tags: tags
    name: testTopicName
    functionAppId: functionAppId
    functionAppUrl: functionAppUrl
    functionName: 'maintenance_events'
    destinationType: destinationType
    publisherPrincipalId: principalId
  }
}

output TEST_TOPIC_ENDPOINT string = empty(testTopicName) ? '' : testTopic!.outputs.endpoint
