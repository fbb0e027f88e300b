// Everything the notifier needs, in one resource group of one subscription. The event subscriptions follow in
// eventing.bicep, once the code is there: Event Grid checks that the function it delivers to exists.
targetScope = 'subscription'

// Where

@minLength(1)
@maxLength(40)
@description('Name of this deployment. The names of all resources derive from it.')
param environmentName string

@minLength(1)
@description('Region of all resources that have one. It needs Flex Consumption: az functionapp list-flexconsumption-locations')
@metadata({ azd: { type: 'location' } })
param location string

@description('Resource group to create. Default: rg-{environmentName}')
param resourceGroupName string = ''

// Mail

@allowed([ 'acs', 'smtp', 'none' ])
@description('How mail leaves. smtp: any relay. acs: Azure Communication Services, whose Email is closed to new customers since 2026-10-23 and retires on 2028-09-30; choose it only to use what you have. none: no mail leaves, for looking at the rest.')
param emailProvider string

@minLength(3)
@description('Who gets the mail where no route says otherwise: addresses, separated by commas.')
param emailTo string

@description('Sender address. Required for smtp, for an existing Communication Services resource and for none; empty otherwise: the managed domain has its own.')
param emailFrom string = ''

@description('Shadow mode: all mail goes to these addresses instead.')
param emailOnlyTo string = ''

@description('smtp: the relay, such as smtp://user@smtp.example.com:587 (STARTTLS) or smtps://user@smtp.example.com:465')
param smtpUrl string = ''

@secure()
@description('smtp: the password of its user, written into a Key Vault. Leave it empty to keep the one that is there.')
param smtpPassword string = ''

@description('smtp: the URI of a secret in a Key Vault of yours, instead of a vault and a password of this deployment. The app identity needs the role Key Vault Secrets User there.')
param smtpPasswordSecretUri string = ''

@description('acs: name of the Communication Services resource to send through. Default: a new one, with the managed domain (5 mails a minute, 10 an hour).')
param existingCommunicationServiceName string = ''

@description('acs: resource group of the existing Communication Services resource.')
param existingCommunicationServiceResourceGroup string = ''

@allowed([ 'Africa', 'Asia Pacific', 'Australia', 'Brazil', 'Canada', 'Europe', 'France', 'Germany', 'India', 'Japan', 'Korea', 'Norway', 'Switzerland', 'UAE', 'UK', 'United States' ])
@description('acs: where a new Communication Services resource keeps its data.')
param communicationDataLocation string = 'Europe'

@description('acs: id of the role that lets the app send. Default: Communication and Email Service Owner; a narrower custom role is possible.')
param emailSenderRoleId string = '09976791-48a7-449e-bb21-39d1a415f350'

@description('Mails a minute that the mail service allows. Default: what is known of the service.')
param emailPerMinute string = ''

@description('Mails an hour that the mail service allows. Default: what is known of the service.')
param emailPerHour string = ''

// What is told

@description('Audiences and what goes to them: YAML, or @path of a file in the app. Default: everything goes to emailTo.')
param routes string = ''

@description('How long before a start to remind.')
param reminderLeads string = '7d,24h'

@description('No reminder this soon after the notice before it.')
param reminderGap string = '6h'

@description('How long a notice waits for company.')
param groupWait string = '30s'

@description('At most one grouped mail in this time.')
param groupInterval string = '5m'

@description('Watchdog: no start reported this long after the planned one.')
param notStartedAfter string = '24h'

@description('Watchdog: no end reported this long after the start.')
param stillRunningAfter string = '12h'

@description('How long a sender owns a mail.')
param lease string = '2m'

@description('Time zone shown beside UTC: an IANA name.')
param timeZone string = 'UTC'

@description('Host of the Azure portal; sovereign clouds differ.')
param portal string = 'portal.azure.com'

@description('Path of a file in the app with failures of your own, over the catalogue.')
param failuresFile string = ''

@description('Subscriptions whose maintenance windows are read, separated by commas. The app gets the role Reader there. Empty: off.')
param clusters string = ''

@description('Days for which history is kept.')
param retentionDays string = '400'

@description('NCRONTAB schedule of the sweep, in UTC.')
param sweepSchedule string = '0 * * * * *'

@minLength(3)
@maxLength(63)
@description('Name of the table: letters and digits.')
param tableName string = 'notifier'

// Events

@description('Name of a system topic for AKS maintenance that this subscription has already: there can be only one. It is left as it is: see existingSystemTopicHasIdentity. Default: a new one.')
param existingSystemTopicName string = ''

@description('Resource group of the existing system topic. Default: the one of this deployment.')
param existingSystemTopicResourceGroup string = ''

@description('Whether the existing system topic carries the identity of the output EVENTGRID_IDENTITY_ID. Without it nothing can be dead-lettered: what Event Grid cannot deliver in 24 hours is dropped, and an alert says so.')
param existingSystemTopicHasIdentity bool = false

// Watching

@minLength(5)
@description('Who is told when the notifier itself is in trouble. Sent by Azure Monitor, not by the app.')
param alertEmail string

@minValue(5)
@maxValue(1440)
@description('Minutes after which waiting work is an alert. More audiences than the mail limits carry in half an hour need more.')
param waitingAlertMinutes int = 30

@minValue(30)
@maxValue(730)
@description('Days for which logs are kept.')
param logRetentionDays int = 30

// Size

@allowed([ '3.11', '3.12', '3.13' ])
@description('Version of Python.')
param pythonVersion string = '3.13'

@allowed([ 512, 2048, 4096 ])
@description('Memory of an instance in MB.')
param instanceMemoryMB int = 2048

@minValue(40)
@maxValue(1000)
@description('Most instances at once.')
param maximumInstanceCount int = 40

@allowed([ 'Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS' ])
@description('Redundancy of the storage account. A region without availability zones needs Standard_LRS.')
param storageSku string = 'Standard_ZRS'

var token = uniqueString(subscription().subscriptionId, environmentName, location)
var tags = { 'azd-env-name': environmentName }
var isAcs = emailProvider == 'acs'
var isSmtp = emailProvider == 'smtp'
var makesCommunicationService = isAcs && empty(existingCommunicationServiceName)
var hasSmtpUser = isSmtp && contains(smtpUrl, '@')
var makesVault = hasSmtpUser && empty(smtpPasswordSecretUri)
var makesTopic = empty(existingSystemTopicName)
var topicName = makesTopic ? 'evgt-aks-${token}' : existingSystemTopicName
var topicGroupName = makesTopic || empty(existingSystemTopicResourceGroup) ? group.name : existingSystemTopicResourceGroup
// As in eventing.bicep. Environments that share a topic must not take each other's event subscription.
var subscriptionName = 'aks-maintenance-notifier-${uniqueString(subscription().subscriptionId, environmentName)}'
var communicationGroupName = empty(existingCommunicationServiceResourceGroup) ? group.name : existingCommunicationServiceResourceGroup
var clusterSubscriptions = empty(clusters) ? [] : split(replace(clusters, ' ', ''), ',')

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
  location: location
  tags: tags
}

module identities 'app/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    location: location
    tags: tags
    appIdentityName: 'id-app-${token}'
    eventGridIdentityName: 'id-eventgrid-${token}'
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    retentionDays: logRetentionDays
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    accountName: 'st${token}'
    sku: storageSku
    tableName: tableName
  }
}

module communication 'app/communication.bicep' = if (makesCommunicationService) {
  name: 'communication'
  scope: group
  params: {
    tags: tags
    emailServiceName: 'acse-${token}'
    communicationServiceName: 'acs-${token}'
    dataLocation: communicationDataLocation
  }
}

module existingCommunication 'app/existingCommunication.bicep' = if (isAcs && !makesCommunicationService) {
  name: 'existing-communication'
  scope: resourceGroup(communicationGroupName)
  params: {
    communicationServiceName: existingCommunicationServiceName
  }
}

module vault 'app/vault.bicep' = if (makesVault) {
  name: 'vault'
  scope: group
  params: {
    location: location
    tags: tags
    vaultName: 'kv-${token}'
    smtpPassword: smtpPassword
    readerPrincipalId: identities.outputs.appPrincipalId
  }
}

module roles 'app/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    accountName: storage.outputs.accountName
    deadLetterContainerName: storage.outputs.deadLetterContainerName
    componentName: monitoring.outputs.componentName
    appPrincipalId: identities.outputs.appPrincipalId
    eventGridPrincipalId: identities.outputs.eventGridPrincipalId
  }
}

module sender 'app/sender.bicep' = if (isAcs) {
  name: 'sender'
  scope: resourceGroup(communicationGroupName)
  params: {
    communicationServiceName: communicationServiceName
    roleId: emailSenderRoleId
    appPrincipalId: identities.outputs.appPrincipalId
  }
}

module clusterReader 'app/clusterReader.bicep' = [for id in clusterSubscriptions: {
  name: 'cluster-reader-${token}'
  scope: subscription(id)
  params: {
    appPrincipalId: identities.outputs.appPrincipalId
  }
}]

var communicationServiceName = makesCommunicationService ? communication.outputs.name : existingCommunicationServiceName
var acsEndpoint = makesCommunicationService ? communication.outputs.endpoint : existingCommunication.outputs.endpoint
var acsSender = makesCommunicationService && empty(emailFrom) ? communication.outputs.sender : emailFrom
var vaultSecretUri = makesVault ? vault.outputs.smtpPasswordUri : smtpPasswordSecretUri

// One line for each setting of the application that a deployed app may have, in the order of the README.
var settings = {
  NOTIFIER_STORAGE__tableServiceUri: storage.outputs.tableEndpoint
  NOTIFIER_TABLE: tableName
  EMAIL_ENDPOINT: isAcs ? acsEndpoint : ''
  EMAIL_SMTP_URL: isSmtp ? smtpUrl : ''
  EMAIL_SMTP_PASSWORD: hasSmtpUser ? '@Microsoft.KeyVault(SecretUri=${vaultSecretUri})' : ''
  EMAIL_FOLDER: emailProvider == 'none' ? '/tmp/mail' : ''
  EMAIL_FROM: isAcs ? acsSender : emailFrom
  EMAIL_TO: emailTo
  EMAIL_ONLY_TO: emailOnlyTo
  EMAIL_PER_MINUTE: emailPerMinute
  EMAIL_PER_HOUR: emailPerHour
  ROUTES: routes
  REMINDER_LEADS: reminderLeads
  REMINDER_GAP: reminderGap
  GROUP_WAIT: groupWait
  GROUP_INTERVAL: groupInterval
  NOT_STARTED_AFTER: notStartedAfter
  STILL_RUNNING_AFTER: stillRunningAfter
  LEASE: lease
  TIME_ZONE: timeZone
  PORTAL: portal
  FAILURES_FILE: failuresFile
  CLUSTERS: clusters
  RETENTION_DAYS: retentionDays
  SWEEP_SCHEDULE: sweepSchedule
  AZURE_CLIENT_ID: identities.outputs.appClientId
}

module app 'app/function.bicep' = {
  name: 'app'
  scope: group
  params: {
    location: location
    tags: tags
    planName: 'plan-${token}'
    appName: 'func-${token}'
    identityId: identities.outputs.appId
    identityClientId: identities.outputs.appClientId
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    packageContainerName: storage.outputs.packageContainerName
    componentName: monitoring.outputs.componentName
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    settings: settings
  }
  // The identity may fetch the package, read the vault and send before the app starts for the first time.
  dependsOn: [ roles, sender ]
}

module topic 'eventing/systemTopic.bicep' = if (makesTopic) {
  name: 'topic'
  scope: group
  params: {
    tags: tags
    name: topicName
    source: subscription().id
    topicType: 'microsoft.resourcenotifications.containerserviceeventresources'
    identityId: identities.outputs.eventGridId
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Delivery reports of the mail service: which addresses do not work.
module emailTopic 'eventing/systemTopic.bicep' = if (isAcs) {
  name: 'email-topic'
  scope: group
  params: {
    tags: tags
    name: 'evgt-email-${token}'
    source: makesCommunicationService ? communication.outputs.id : existingCommunication.outputs.id
    topicType: 'Microsoft.Communication.CommunicationServices'
    identityId: identities.outputs.eventGridId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module actionGroup 'alerts/actionGroup.bicep' = {
  name: 'action-group'
  scope: group
  params: {
    tags: tags
    name: 'ag-${token}'
    email: alertEmail
  }
}

module alerts 'alerts/app.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: token
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: actionGroup.outputs.id
    waitingMinutes: waitingAlertMinutes
  }
}

module topicAlerts 'alerts/topic.bicep' = {
  name: 'topic-alerts'
  scope: group
  params: {
    tags: tags
    suffix: 'aks-${token}'
    topicId: '${subscription().id}/resourceGroups/${topicGroupName}/providers/Microsoft.EventGrid/systemTopics/${topicName}'
    actionGroupId: actionGroup.outputs.id
    subscriptionName: subscriptionName
    isShared: !makesTopic
    watchUnmatched: makesTopic
  }
  dependsOn: [ topic ]
}

module emailTopicAlerts 'alerts/topic.bicep' = if (isAcs) {
  name: 'email-topic-alerts'
  scope: group
  params: {
    tags: tags
    suffix: 'email-${token}'
    topicId: isAcs ? emailTopic.outputs.id : ''
    actionGroupId: actionGroup.outputs.id
    subscriptionName: subscriptionName
    isShared: false
    watchUnmatched: false
  }
}

// What the next step needs (azd hands outputs on as environment variables). No secrets.

output ENVIRONMENT_NAME string = environmentName
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = app.outputs.name
output FUNCTION_APP_ID string = app.outputs.id
output FUNCTION_APP_URL string = app.outputs.url
output EVENTGRID_TOPIC_NAME string = topicName
output EVENTGRID_TOPIC_RESOURCE_GROUP string = topicGroupName
output EVENTGRID_IDENTITY_ID string = identities.outputs.eventGridId
output EVENTGRID_TOPIC_HAS_IDENTITY bool = makesTopic || existingSystemTopicHasIdentity
output EMAIL_TOPIC_NAME string = isAcs ? emailTopic.outputs.name : ''
output ACTION_GROUP_ID string = actionGroup.outputs.id
output STORAGE_ACCOUNT_ID string = storage.outputs.accountId
output DEAD_LETTER_URL string = '${storage.outputs.blobEndpoint}${storage.outputs.deadLetterContainerName}'
output TABLE_URL string = storage.outputs.tableEndpoint
output KEY_VAULT_NAME string = makesVault ? vault.outputs.name : ''
output APP_IDENTITY_PRINCIPAL_ID string = identities.outputs.appPrincipalId
