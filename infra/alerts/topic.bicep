// What Event Grid's own figures say about a system topic. docs/operations.md has a chapter for each.
param tags { *: string }
param suffix string
param topicId string
param actionGroupId string
@description('Name that eventing.bicep gives our event subscription.')
param subscriptionName string
@description('Whether others have event subscriptions on the topic: then only ours counts.')
param isShared bool
@description('Whether events that nobody takes are an alert.')
param watchUnmatched bool

var ourSubscription = [
  {
    name: 'EventSubscriptionName'
    operator: 'Include'
    values: [subscriptionName]
  }
]

var watched = [
  {
    name: 'dead-lettered'
    metric: 'DeadLetteredCount'
    description: 'Event Grid could not deliver an event to the notifier and has put it aside. Replay it.'
    severity: 1
    threshold: 0
  }
  {
    name: 'dropped'
    metric: 'DroppedEventCount'
    description: 'Event Grid could not deliver an event to the notifier and has dropped it.'
    severity: 1
    threshold: 0
  }
  {
    name: 'delivery-failing'
    metric: 'DeliveryAttemptFailCount'
    description: 'Event Grid keeps failing to deliver to the notifier. It goes on trying for 24 hours.'
    severity: 2
    // One event alone is tried five times in the first quarter of an hour, and hardly ever after that. A slow
    // start costs one or two.
    threshold: 2
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for alert in watched: {
    name: '${alert.name}-${suffix}'
    location: 'global'
    tags: tags
    properties: {
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [topicId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alert.name
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: alert.metric
            operator: 'GreaterThan'
            threshold: alert.threshold
            timeAggregation: 'Total'
            dimensions: isShared ? ourSubscription : []
            // The metric is not there before the first event.
            skipMetricValidation: true
          }
        ]
      }
      actions: [
        {
          actionGroupId: actionGroupId
        }
      ]
    }
  }
]

// AKS has used another event type than the documented one before. What no event subscription wants is not lost
// in silence: the topic counts it.
resource unmatched 'Microsoft.Insights/metricAlerts@2026-01-01' = if (watchUnmatched) {
  name: 'unmatched-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    description: 'An event came that no event subscription takes: look at its type.'
    severity: 2
    enabled: true
    scopes: [topicId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'unmatched'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'UnmatchedEventCount'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
          skipMetricValidation: true
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
