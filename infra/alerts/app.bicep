// What the app's own log says. Each query gives rows where there is something to tell, so that every rule reads
// the same: any row is an alert. docs/operations.md has a chapter for each.
param location string
param tags { *: string }
param suffix string
param workspaceId string
param actionGroupId string
param waitingMinutes int
param isReconciling bool

var ofReconcile = [
  {
    name: 'missed-events'
    description: 'Event Grid did not bring events, two runs of reconcile in a row: an event subscription is broken.'
    severity: 1
    window: 'PT2H'
    query: 'AppTraces | where Message startswith "missed-events: "'
  }
  {
    name: 'no-reconcile'
    description: 'No run of reconcile has succeeded for three hours: nobody would know of missed events.'
    severity: 2
    window: 'PT3H'
    query: 'AppRequests | where Name == "reconcile" and Success == true | summarize Runs = count() | where Runs == 0'
  }
]

var watched = [
  {
    name: 'failed-executions'
    description: 'A function of the notifier has failed, or logged an error that no other alert is about.'
    severity: 2
    window: 'PT15M'
    query: 'union (AppRequests | where Success == false), (AppTraces | where SeverityLevel >= 3 and isnotempty(OperationName) | where not(Message startswith "decision=" or Message startswith "mail " or Message startswith "channel " or Message startswith "the mail service "))'
  }
  {
    name: 'no-sweep'
    description: 'No sweep has succeeded for an hour: nothing is told but failures.'
    severity: 1
    window: 'PT1H'
    query: 'AppRequests | where Name == "due_notices" and Success == true | summarize Sweeps = count() | where Sweeps == 0'
  }
  {
    name: 'rejected-input'
    description: 'Input came that could not be understood. It is kept whole, with the reason.'
    severity: 2
    window: 'PT15M'
    query: 'AppTraces | where Message startswith "decision=rejected "'
  }
  {
    name: 'work-waiting'
    description: 'Work has been waiting for too long.'
    severity: 2
    window: 'PT15M'
    query: 'AppTraces | where Message startswith "sweep: " | extend Oldest = toint(extract("oldest=([0-9]+)", 1, Message)) | where Oldest > ${waitingMinutes * 60}'
  }
  {
    name: 'channel-paused'
    description: 'A target of another channel than email takes no messages: its service refuses, or it is gone.'
    severity: 2
    window: 'PT15M'
    query: 'AppTraces | where SeverityLevel >= 3 | where Message startswith "channel "'
  }
  {
    name: 'mail-refused'
    description: 'The mail service takes no mail, has refused one, or could not deliver it.'
    severity: 1
    window: 'PT15M'
    query: 'AppTraces | where SeverityLevel >= 3 | where Message startswith "the mail service " or Message startswith "mail " or (Message startswith "decision=" and not(Message startswith "decision=rejected "))'
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for alert in concat(watched, isReconciling ? ofReconcile : []): {
    name: '${alert.name}-${suffix}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'AKS Maintenance Notifier: ${alert.name}'
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [workspaceId]
      targetResourceTypes: ['Microsoft.OperationalInsights/workspaces']
      // A quarter of an hour is the cheapest step.
      evaluationFrequency: 'PT15M'
      windowSize: alert.window
      autoMitigate: true
      // The tables fill with the first record of the app.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [actionGroupId]
      }
    }
  }
]
