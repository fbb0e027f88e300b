// Everything the notifier needs, in one resource group of one subscription. The event subscriptions follow in
// eventing.bicep, once the code is there: Event Grid checks that the function it delivers to exists.
targetScope = 'subscription'

import {
  areAddresses
  areDurations
  isAddress
  isCluster
  isDuration
  isGuid
  isHost
  isHttps
  isManagementGroup
  isNumber
  isNumberBetween
  isRelay
  isSchedule
  isSender
  isSettingName
  isTableName
  partsOf
  subscriptionsOf
  userOf
} from 'checks.bicep'

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

@allowed(['acs', 'smtp', 'graph', 'none'])
@description('How mail leaves. smtp: any relay. graph: a mailbox of Exchange Online, which an Exchange administrator opens to the app: docs/channels.md. acs: Azure Communication Services, whose Email is closed to new customers since 2026-10-23 and retires on 2028-09-30; choose it only to use what you have. none: no mail leaves, for looking at the rest.')
param emailProvider string

@description('Who gets the mail where no route says otherwise: addresses, separated by commas. Empty only where routes name others.')
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

@allowed([
  'Africa'
  'Asia Pacific'
  'Australia'
  'Brazil'
  'Canada'
  'Europe'
  'France'
  'Germany'
  'India'
  'Japan'
  'Korea'
  'Norway'
  'Switzerland'
  'UAE'
  'UK'
  'United States'
])
@description('acs: where a new Communication Services resource keeps its data.')
param communicationDataLocation string = 'Europe'

@description('acs: id of the role that lets the app send. Default: Communication and Email Service Owner; a narrower custom role is possible.')
param emailSenderRoleId string = '09976791-48a7-449e-bb21-39d1a415f350'

@description('graph: the mailbox that mail comes from.')
param graphMailbox string = ''

@description('graph: whether each mail becomes a draft first, so that a doubt can be cleared. It takes Application Mail.ReadWrite, too.')
param graphDrafts bool = false

@description('Mails a minute that the mail service allows. Default: what is known of the service.')
param emailPerMinute string = ''

@description('Mails an hour that the mail service allows. Default: what is known of the service.')
param emailPerHour string = ''

@description('After a switch of the mail service: the https endpoint of the Communication Services resource before it. It is asked about mails in doubt, and gets none. docs/operations.md has the role that this takes.')
param emailPrevious string = ''

// Other channels

@description('Names of settings with secrets that routes name as $NAME, separated by commas, such as TEAMS_SHOP,SLACK_TOKEN: each refers to a secret in the vault of this deployment, there named teams-shop.')
param secretNames string = ''

@secure()
@description('Values of these secrets, by the names of their settings. One without a value is set in the vault, or stays as it is there.')
param secretValues { *: string } = {}

@description('The same for secrets in vaults of yours: PD_SHOP=https://VAULT/secrets/pd-shop, separated by commas. The app identity needs the role Key Vault Secrets User there.')
param secretUris string = ''

@description('Name of an Event Grid topic to make, for the events that the app sends out. The output OUT_TOPIC_ENDPOINT goes into the routes.')
param outTopicName string = ''

@description('Name of a topic for CloudEvents that is there already: the app may publish to it.')
param existingOutTopicName string = ''

@description('Resource group of the existing topic. Default: the one of this deployment.')
param existingOutTopicResourceGroup string = ''

@description('Base address of Microsoft Graph, without /v1.0. Default: that of the cloud of the portal.')
param graphEndpoint string = ''

@description('Base address of the Slack Web API, with /api. Default: https://slack.com/api')
param slackEndpoint string = ''

@description('Base address of the PagerDuty events, without /v2. Default: https://events.pagerduty.com')
param pagerdutyEndpoint string = ''

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

@description('Subscriptions whose maintenance windows are read, separated by commas: the app gets the role Reader there. Or @path of a file in the app. Empty, or off: none.')
param clusters string = ''

@description('Ids of clusters, separated by commas, whose own topics the app hears as well: pools that are rolled, whoever began it, and new versions. The second step makes the topics.')
param clusterTopics string = ''

@description('Subscriptions that are asked about, separated by commas: missed events, inventory, coverage. The app gets the role Reader there. Empty: those of clusters.')
param subscriptions string = ''

@description('Name of a management group: all subscriptions below it are asked about. The role Reader comes by managementGroup.bicep, and not on each of subscriptions and clusters.')
param managementGroup string = ''

@description('Whether Service Health\'s advisories about AKS are told.')
param advisories bool = false

@description('NCRONTAB schedule of the weekly report, in UTC. Empty, or off: none.')
param reportSchedule string = ''

@description('Kinds of notices that are recorded and not told, separated by commas.')
param quietKinds string = ''

@description('Base address of Azure Resource Manager. Default: by the cloud of the portal.')
param armEndpoint string = ''

@description('Subscriptions whose fleets are looked after, separated by commas: their update runs are polled, the app gets the role Reader there, and this subscription, if it is among them, a topic for gates. Empty: none.')
param fleets string = ''

@description('How long a gate waits for approval until people are reminded; then twice as long each time.')
param gateReminder string = '4h'

@description('Days for which history is kept.')
param retentionDays string = '400'

@description('Whether the calendar feed and the status page are there, for whoever has an address with a token.')
param pages bool = false

@description('NCRONTAB schedule of the sweep, in UTC: five fields, or six with the seconds first.')
param sweepSchedule string = '0 * * * * *'

@minLength(3)
@maxLength(63)
@description('Name of the table: letters and digits, a letter first.')
param tableName string = 'notifier'

// Events

@description('Name of a system topic for AKS maintenance that this subscription has already: there can be only one. It is left as it is: see existingSystemTopicHasIdentity. Default: a new one.')
param existingSystemTopicName string = ''

@description('Resource group of the existing system topic. Default: the one of this deployment.')
param existingSystemTopicResourceGroup string = ''

@description('Whether the existing system topic carries the identity of the output EVENTGRID_IDENTITY_ID. Without it nothing can be dead-lettered: what Event Grid cannot deliver in 24 hours is dropped, and an alert says so.')
param existingSystemTopicHasIdentity bool = false

@description('Name of a system topic for Fleet Manager\'s gates (Microsoft.ResourceNotifications.AKSResources) that this subscription has already: there can be only one. It is left as it is. Default: a new one, if fleets name this subscription.')
param existingFleetTopicName string = ''

@description('Resource group of that topic. Default: the one of this deployment.')
param existingFleetTopicResourceGroup string = ''

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

@allowed(['3.11', '3.12', '3.13'])
@description('Version of Python.')
param pythonVersion string = '3.13'

@allowed([512, 2048, 4096])
@description('Memory of an instance in MB.')
param instanceMemoryMB int = 2048

@minValue(40)
@maxValue(1000)
@description('Most instances at once.')
param maximumInstanceCount int = 40

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
@description('Redundancy of the storage account. A region without availability zones needs Standard_LRS.')
param storageSku string = 'Standard_ZRS'

@description('Whether storage and vault are closed by network, and the app reaches them through a virtual network of its own.')
param privateNetworking bool = false

// What is chosen

var isAcs = emailProvider == 'acs'
var isSmtp = emailProvider == 'smtp'
var isGraph = emailProvider == 'graph'
var makesCommunicationService = isAcs && empty(existingCommunicationServiceName)
var hasSmtpUser = isSmtp && !empty(userOf(smtpUrl))
var makesSmtpSecret = hasSmtpUser && empty(smtpPasswordSecretUri)
var secretSettings = partsOf(secretNames)
var ownSecrets = map(partsOf(secretUris), part => split(part, '='))
var makesVault = makesSmtpSecret || !empty(secretSettings)
var makesOutTopic = !empty(outTopicName)
var hasOutTopic = makesOutTopic || !empty(existingOutTopicName)
var makesTopic = empty(existingSystemTopicName)
var clusterSubscriptions = subscriptionsOf(clusters)
var askedSubscriptions = subscriptionsOf(subscriptions)
var asks = !empty(managementGroup) || !empty(askedSubscriptions) || !empty(clusterSubscriptions)
var fleetSubscriptions = subscriptionsOf(fleets)
var readSubscriptions = union(
  empty(managementGroup) ? union(clusterSubscriptions, askedSubscriptions) : [],
  fleetSubscriptions
)
var makesFleetTopic = empty(existingFleetTopicName) && contains(
  fleetSubscriptions,
  toLower(subscription().subscriptionId)
)
var hasFleetTopic = makesFleetTopic || !empty(existingFleetTopicName)

// What is missing, or contradicts: nothing is made then. Each sentence says what to set or to empty.

var refusals = filter(
  [
    isSmtp && empty(smtpUrl)
      ? 'smtpUrl is missing: emailProvider smtp needs the relay, such as smtp://user@smtp.example.com:587.'
      : ''
    isSmtp && !empty(smtpUrl) && !isRelay(smtpUrl)
      ? 'smtpUrl is no relay such as smtp://user@smtp.example.com:587 or smtps://user@smtp.example.com:465.'
      : ''
    isSmtp && contains(userOf(smtpUrl), ':')
      ? 'smtpUrl holds a password: take it out, since the URL is no secret, and set smtpPassword or smtpPasswordSecretUri.'
      : ''
    !isSmtp && !empty(smtpUrl) ? 'smtpUrl goes with emailProvider smtp: empty it.' : ''
    !isSmtp && !empty(smtpPasswordSecretUri) ? 'smtpPasswordSecretUri goes with emailProvider smtp: empty it.' : ''
    isSmtp && !hasSmtpUser && !empty(smtpPasswordSecretUri)
      ? 'smtpPasswordSecretUri goes with a user in smtpUrl, which names none: empty it, or name the user.'
      : ''
    !empty(smtpPasswordSecretUri) && !isHttps(smtpPasswordSecretUri)
      ? 'smtpPasswordSecretUri is no address of a secret such as https://VAULT/secrets/smtp-password.'
      : ''
    !isAcs && !empty(existingCommunicationServiceName)
      ? 'existingCommunicationServiceName goes with emailProvider acs: empty it.'
      : ''
    !empty(existingCommunicationServiceResourceGroup) && empty(existingCommunicationServiceName)
      ? 'existingCommunicationServiceResourceGroup goes with existingCommunicationServiceName, which is empty: empty it.'
      : ''
    isAcs && !isGuid(emailSenderRoleId) ? 'emailSenderRoleId is not the id of a role (a GUID).' : ''
    isGraph && !isAddress(graphMailbox)
      ? 'graphMailbox is missing: emailProvider graph needs the mailbox that mail comes from, such as aks@example.com.'
      : ''
    !isGraph && !empty(graphMailbox) ? 'graphMailbox goes with emailProvider graph: empty it.' : ''
    !isGraph && graphDrafts ? 'graphDrafts goes with emailProvider graph: make it false.' : ''
    isGraph && !empty(emailFrom) && toLower(emailFrom) != toLower(graphMailbox)
      ? 'emailFrom is another address than graphMailbox, which mail comes from: empty it.'
      : ''
    empty(filter(concat(secretSettings, map(ownSecrets, pair => trim(pair[0]))), name => !isSettingName(name)))
      ? ''
      : 'secretNames and secretUris hold what is not the name of a setting such as TEAMS_SHOP.'
    length(union(concat(secretSettings, map(ownSecrets, pair => trim(pair[0]))), [])) == length(secretSettings) + length(ownSecrets) ? '' : 'secretNames and secretUris name the same setting twice.'
    empty(filter(ownSecrets, pair => length(pair) != 2 || !isHttps(trim(last(pair)!))))
      ? ''
      : 'secretUris holds what is not NAME=https://VAULT/secrets/NAME.'
    !empty(outTopicName) && !empty(existingOutTopicName)
      ? 'outTopicName and existingOutTopicName are both set: empty one of them.'
      : ''
    !empty(existingOutTopicResourceGroup) && empty(existingOutTopicName)
      ? 'existingOutTopicResourceGroup goes with existingOutTopicName, which is empty: empty it.'
      : ''
    empty(filter([graphEndpoint, slackEndpoint, pagerdutyEndpoint], url => !empty(url) && !isHttps(url)))
      ? ''
      : 'graphEndpoint, slackEndpoint and pagerdutyEndpoint are https addresses.'
    empty(emailFrom) && !makesCommunicationService && !isGraph
      ? 'emailFrom is missing: the address that mail comes from, such as aks@example.com.'
      : ''
    !empty(emailFrom) && !isSender(emailFrom) ? 'emailFrom is not an address such as aks@example.com.' : ''
    empty(emailTo) && empty(routes) ? 'emailTo is missing: who gets the mail, where no routes say it.' : ''
    !empty(emailTo) && !areAddresses(emailTo) ? 'emailTo holds what is not an address such as ops@example.com.' : ''
    length(partsOf(emailTo)) > 50 ? 'emailTo holds more than 50 addresses.' : ''
    !empty(emailOnlyTo) && !areAddresses(emailOnlyTo)
      ? 'emailOnlyTo holds what is not an address such as ops@example.com.'
      : ''
    !empty(emailPerMinute) && !isNumber(emailPerMinute) ? 'emailPerMinute is not a number of mails.' : ''
    !empty(emailPerHour) && !isNumber(emailPerHour) ? 'emailPerHour is not a number of mails.' : ''
    !empty(emailPrevious) && !isHttps(emailPrevious)
      ? 'emailPrevious is not an endpoint such as https://name.communication.azure.com; a connection string holds a key: use the endpoint.'
      : ''
    isAddress(alertEmail) ? '' : 'alertEmail is not an address such as oncall@example.com.'
    areDurations(reminderLeads) ? '' : 'reminderLeads holds what is not a duration such as 7d or 24h.'
    isDuration(reminderGap) ? '' : 'reminderGap is not a duration such as 6h.'
    isDuration(groupWait) ? '' : 'groupWait is not a duration such as 30s.'
    isDuration(groupInterval) ? '' : 'groupInterval is not a duration such as 5m.'
    isDuration(notStartedAfter) ? '' : 'notStartedAfter is not a duration such as 24h.'
    isDuration(stillRunningAfter) ? '' : 'stillRunningAfter is not a duration such as 12h.'
    isDuration(lease) ? '' : 'lease is not a duration such as 2m.'
    isHost(portal) ? '' : 'portal is not a host name such as portal.azure.com.'
    empty(filter(clusterSubscriptions, id => !isGuid(id)))
      ? ''
      : 'clusters holds what is not the id of a subscription (a GUID).'
    empty(filter(partsOf(clusterTopics), id => !isCluster(id)))
      ? ''
      : 'clusterTopics holds what is not the id of a cluster (/subscriptions/…/managedClusters/NAME).'
    empty(filter(askedSubscriptions, id => !isGuid(id)))
      ? ''
      : 'subscriptions holds what is not the id of a subscription (a GUID); a management group goes into managementGroup.'
    empty(managementGroup) || isManagementGroup(managementGroup)
      ? ''
      : 'managementGroup is not the name of a management group: letters, digits, and -_.() only.'
    advisories && !asks
      ? 'advisories goes with subscriptions, managementGroup or clusters, which are empty: make it false.'
      : ''
    empty(reportSchedule) || toLower(trim(reportSchedule)) == 'off' || isSchedule(reportSchedule)
      ? ''
      : 'reportSchedule is not an NCRONTAB schedule of five or six fields such as 0 0 7 * * MON.'
    empty(armEndpoint) || isHttps(armEndpoint) ? '' : 'armEndpoint is not an https address.'
    empty(filter(fleetSubscriptions, id => !isGuid(id)))
      ? ''
      : 'fleets holds what is not the id of a subscription (a GUID).'
    isDuration(gateReminder) ? '' : 'gateReminder is not a duration such as 4h.'
    isNumberBetween(retentionDays, 30, 36500) ? '' : 'retentionDays is not a number of days between 30 and 36500.'
    isSchedule(sweepSchedule)
      ? ''
      : 'sweepSchedule is not an NCRONTAB schedule of five or six fields such as 0 * * * * *.'
    isTableName(tableName) ? '' : 'tableName is not a table name: 3 to 63 letters and digits, a letter first.'
    !empty(existingSystemTopicResourceGroup) && makesTopic
      ? 'existingSystemTopicResourceGroup goes with existingSystemTopicName, which is empty: empty it.'
      : ''
    !empty(existingFleetTopicResourceGroup) && empty(existingFleetTopicName)
      ? 'existingFleetTopicResourceGroup goes with existingFleetTopicName, which is empty: empty it.'
      : ''
    existingSystemTopicHasIdentity && makesTopic
      ? 'existingSystemTopicHasIdentity goes with existingSystemTopicName, which is empty: make it false.'
      : ''
  ],
  sentence => !empty(sentence)
)

// The same of what is secret. No resource has these sentences: whether there is a password is a secret, too.
var passwordRefusal = !isSmtp
  ? 'smtpPassword goes with emailProvider smtp: empty it.'
  : !hasSmtpUser
      ? 'smtpPassword goes with a user in smtpUrl, which names none: empty it, or name the user.'
      : !makesSmtpSecret ? 'smtpPassword and smtpPasswordSecretUri are both set: empty one of them.' : ''

var secretsRefusal = empty(filter(objectKeys(secretValues), name => !contains(secretSettings, name)))
  ? ''
  : 'secretValues has a value for a setting that secretNames does not name.'

// Names. All of them are known before anything is made, so that what-if sees every resource.

var token = uniqueString(subscription().subscriptionId, environmentName, location)
var tags = { 'azd-env-name': environmentName }
var groupName = empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
var names = {
  appIdentity: 'id-app-${token}'
  eventGridIdentity: 'id-eventgrid-${token}'
  workspace: 'log-${token}'
  component: 'appi-${token}'
  account: 'st${token}'
  deadLetters: 'event-dead-letter'
  vault: 'kv-${token}'
  network: 'vnet-${token}'
  plan: 'plan-${token}'
  app: 'func-${token}'
  emailService: 'acse-${token}'
  communicationService: makesCommunicationService ? 'acs-${token}' : existingCommunicationServiceName
  topic: makesTopic ? 'evgt-aks-${token}' : existingSystemTopicName
  emailTopic: 'evgt-email-${token}'
  outTopic: makesOutTopic ? outTopicName : existingOutTopicName
  fleetTopic: makesFleetTopic ? 'evgt-fleet-${token}' : existingFleetTopicName
  actionGroup: 'ag-${token}'
}
// As in eventing.bicep. Environments that share a topic must not take each other's event subscription.
var subscriptionName = 'aks-maintenance-notifier-${uniqueString(subscription().subscriptionId, environmentName)}'
var topicGroupName = empty(existingSystemTopicResourceGroup) ? groupName : existingSystemTopicResourceGroup
var outTopicGroupName = empty(existingOutTopicResourceGroup) ? groupName : existingOutTopicResourceGroup
var fleetTopicGroupName = empty(existingFleetTopicResourceGroup) ? groupName : existingFleetTopicResourceGroup
var communicationGroupName = empty(existingCommunicationServiceResourceGroup)
  ? groupName
  : existingCommunicationServiceResourceGroup

var here = subscription().subscriptionId
var ids = {
  appIdentity: resourceId(here, groupName, 'Microsoft.ManagedIdentity/userAssignedIdentities', names.appIdentity)
  eventGridIdentity: resourceId(
    here,
    groupName,
    'Microsoft.ManagedIdentity/userAssignedIdentities',
    names.eventGridIdentity
  )
  workspace: resourceId(here, groupName, 'Microsoft.OperationalInsights/workspaces', names.workspace)
  account: resourceId(here, groupName, 'Microsoft.Storage/storageAccounts', names.account)
  vault: resourceId(here, groupName, 'Microsoft.KeyVault/vaults', names.vault)
  appSubnet: resourceId(here, groupName, 'Microsoft.Network/virtualNetworks/subnets', names.network, 'app')
  app: resourceId(here, groupName, 'Microsoft.Web/sites', names.app)
  communicationService: resourceId(
    here,
    communicationGroupName,
    'Microsoft.Communication/communicationServices',
    names.communicationService
  )
  topic: resourceId(here, topicGroupName, 'Microsoft.EventGrid/systemTopics', names.topic)
  emailTopic: resourceId(here, groupName, 'Microsoft.EventGrid/systemTopics', names.emailTopic)
  fleetTopic: resourceId(here, fleetTopicGroupName, 'Microsoft.EventGrid/systemTopics', names.fleetTopic)
  actionGroup: resourceId(here, groupName, 'Microsoft.Insights/actionGroups', names.actionGroup)
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: empty(refusals) ? groupName : fail(join(refusals, ' '))
  location: location
  tags: tags
}

module refusal 'app/refusal.bicep' = {
  scope: group
  params: {
    sentence: !empty(smtpPassword) && !empty(passwordRefusal)
      ? fail(passwordRefusal)
      : empty(secretsRefusal) ? '' : fail(secretsRefusal)
  }
}

// A module whose outputs are read has a name: with it a snapshot shows what they are.
module identities 'app/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    location: location
    tags: tags
    appIdentityName: names.appIdentity
    eventGridIdentityName: names.eventGridIdentity
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: names.workspace
    componentName: names.component
    retentionDays: logRetentionDays
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    accountName: names.account
    deadLetterName: names.deadLetters
    sku: storageSku
    tableName: tableName
    isPrivate: privateNetworking
  }
}

module communication 'app/communication.bicep' = if (makesCommunicationService) {
  name: 'communication'
  scope: group
  params: {
    tags: tags
    emailServiceName: names.emailService
    communicationServiceName: names.communicationService
    dataLocation: communicationDataLocation
  }
}

module existingCommunication 'app/existingCommunication.bicep' = if (isAcs && !makesCommunicationService) {
  name: 'existing-communication'
  scope: resourceGroup(communicationGroupName)
  params: {
    communicationServiceName: names.communicationService
  }
}

module vault 'app/vault.bicep' = if (makesVault) {
  scope: group
  params: {
    location: location
    tags: tags
    vaultName: names.vault
    smtpPassword: smtpPassword
    secretNames: secretSettings
    secretValues: secretValues
    isPrivate: privateNetworking
    appIdentityId: ids.appIdentity
    appPrincipalId: identities.outputs.appPrincipalId
  }
}

module network 'app/network.bicep' = if (privateNetworking) {
  scope: group
  params: {
    location: location
    tags: tags
    networkName: names.network
    accountId: ids.account
    vaultId: makesVault ? ids.vault : ''
  }
  dependsOn: [storage, vault]
}

module roles 'app/roles.bicep' = {
  scope: group
  params: {
    accountName: names.account
    deadLetterName: names.deadLetters
    componentName: names.component
    appIdentityId: ids.appIdentity
    appPrincipalId: identities.outputs.appPrincipalId
    eventGridIdentityId: ids.eventGridIdentity
    eventGridPrincipalId: identities.outputs.eventGridPrincipalId
  }
  dependsOn: [storage, monitoring]
}

module sender 'app/sender.bicep' = if (isAcs) {
  scope: resourceGroup(communicationGroupName)
  params: {
    communicationServiceName: names.communicationService
    roleId: emailSenderRoleId
    appIdentityId: ids.appIdentity
    appPrincipalId: identities.outputs.appPrincipalId
  }
  dependsOn: [communication]
}

module outTopic 'eventing/outTopic.bicep' = if (makesOutTopic) {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.outTopic
  }
}

module publisher 'app/publisher.bicep' = if (hasOutTopic) {
  name: 'publisher'
  scope: resourceGroup(outTopicGroupName)
  params: {
    topicName: names.outTopic
    appIdentityId: ids.appIdentity
    appPrincipalId: identities.outputs.appPrincipalId
  }
  dependsOn: [outTopic]
}

module reader 'app/reader.bicep' = [
  for id in readSubscriptions: {
    scope: subscription(id)
    params: {
      appIdentityId: ids.appIdentity
      appPrincipalId: identities.outputs.appPrincipalId
    }
  }
]

var acsEndpoint = makesCommunicationService ? communication!.outputs.endpoint : existingCommunication!.outputs.endpoint
var acsSender = makesCommunicationService && empty(emailFrom) ? communication!.outputs.sender : emailFrom
var vaultSecrets = 'https://${names.vault}${environment().suffixes.keyvaultDns}/secrets'
var smtpPasswordUri = makesSmtpSecret ? '${vaultSecrets}/smtp-password' : smtpPasswordSecretUri

// What routes name as $NAME: references, whose values the platform resolves.
var secretReferences = union(
  toObject(
    secretSettings,
    name => name,
    name => '@Microsoft.KeyVault(SecretUri=${vaultSecrets}/${toLower(replace(name, '_', '-'))})'
  ),
  toObject(ownSecrets, pair => trim(pair[0]), pair => '@Microsoft.KeyVault(SecretUri=${trim(last(pair)!)})')
)

// One line for each setting of the application that a deployed app may have, in the order of the README.
var settings = {
  NOTIFIER_STORAGE__tableServiceUri: storage.outputs.tableEndpoint
  NOTIFIER_TABLE: tableName
  EMAIL_ENDPOINT: isAcs ? acsEndpoint : ''
  EMAIL_SMTP_URL: smtpUrl
  EMAIL_SMTP_PASSWORD: hasSmtpUser ? '@Microsoft.KeyVault(SecretUri=${smtpPasswordUri})' : ''
  EMAIL_GRAPH_MAILBOX: graphMailbox
  EMAIL_GRAPH_DRAFTS: graphDrafts ? 'true' : ''
  EMAIL_FOLDER: emailProvider == 'none' ? '/tmp/mail' : ''
  EMAIL_PREVIOUS: emailPrevious
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
  GATE_REMINDER: gateReminder
  FLEETS: fleets
  LEASE: lease
  TIME_ZONE: timeZone
  PORTAL: portal
  FAILURES_FILE: failuresFile
  RETENTION_DAYS: retentionDays
  PAGES: pages ? 'true' : ''
  CLUSTERS: clusters
  GRAPH_ENDPOINT: graphEndpoint
  SLACK_ENDPOINT: slackEndpoint
  PAGERDUTY_ENDPOINT: pagerdutyEndpoint
  SUBSCRIPTIONS: join(concat(askedSubscriptions, empty(managementGroup) ? [] : ['mg:${managementGroup}']), ',')
  ADVISORIES: advisories ? 'true' : ''
  QUIET_KINDS: quietKinds
  REPORT_SCHEDULE: reportSchedule
  ARM_ENDPOINT: armEndpoint
  SWEEP_SCHEDULE: sweepSchedule
  AZURE_CLIENT_ID: identities.outputs.appClientId
}

module app 'app/function.bicep' = {
  name: 'app'
  scope: group
  params: {
    location: location
    tags: tags
    planName: names.plan
    appName: names.app
    identityId: ids.appIdentity
    identityClientId: identities.outputs.appClientId
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    packageContainerName: storage.outputs.packageContainerName
    componentName: names.component
    subnetId: privateNetworking ? ids.appSubnet : ''
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    settings: union(settings, secretReferences)
  }
  // The identity may fetch the package, read the vault and send before the app starts for the first time.
  dependsOn: [roles, sender, publisher, vault, network, monitoring]
}

module topic 'eventing/systemTopic.bicep' = if (makesTopic) {
  scope: group
  params: {
    tags: tags
    name: names.topic
    source: subscription().id
    topicType: 'microsoft.resourcenotifications.containerserviceeventresources'
    region: 'global'
    identityId: ids.eventGridIdentity
    workspaceId: ids.workspace
  }
  dependsOn: [identities, monitoring]
}

// Delivery reports of the mail service: which addresses do not work.
module emailTopic 'eventing/systemTopic.bicep' = if (isAcs) {
  scope: group
  params: {
    tags: tags
    name: names.emailTopic
    source: ids.communicationService
    topicType: 'Microsoft.Communication.CommunicationServices'
    region: 'global'
    identityId: ids.eventGridIdentity
    workspaceId: ids.workspace
  }
  dependsOn: [identities, monitoring, communication]
}

// Gates of Azure Kubernetes Fleet Manager: an update run that waits for approval.
module fleetTopic 'eventing/systemTopic.bicep' = if (makesFleetTopic) {
  scope: group
  params: {
    tags: tags
    name: names.fleetTopic
    source: subscription().id
    topicType: 'Microsoft.ResourceNotifications.AKSResources'
    region: 'global'
    identityId: ids.eventGridIdentity
    workspaceId: ids.workspace
  }
  dependsOn: [identities, monitoring]
}

module actionGroup 'alerts/actionGroup.bicep' = {
  scope: group
  params: {
    tags: tags
    name: names.actionGroup
    email: alertEmail
  }
}

module alerts 'alerts/app.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    suffix: token
    workspaceId: ids.workspace
    actionGroupId: ids.actionGroup
    waitingMinutes: waitingAlertMinutes
    isReconciling: asks
  }
  dependsOn: [monitoring, actionGroup]
}

module topicAlerts 'alerts/topic.bicep' = {
  scope: group
  params: {
    tags: tags
    suffix: 'aks-${token}'
    topicId: ids.topic
    actionGroupId: ids.actionGroup
    subscriptionName: subscriptionName
    isShared: !makesTopic
    watchUnmatched: makesTopic
  }
  dependsOn: [topic, actionGroup]
}

module emailTopicAlerts 'alerts/topic.bicep' = if (isAcs) {
  scope: group
  params: {
    tags: tags
    suffix: 'email-${token}'
    topicId: ids.emailTopic
    actionGroupId: ids.actionGroup
    subscriptionName: subscriptionName
    isShared: false
    watchUnmatched: false
  }
  dependsOn: [emailTopic, actionGroup]
}

module fleetTopicAlerts 'alerts/topic.bicep' = if (hasFleetTopic) {
  scope: group
  params: {
    tags: tags
    suffix: 'fleet-${token}'
    topicId: ids.fleetTopic
    actionGroupId: ids.actionGroup
    subscriptionName: subscriptionName
    isShared: !makesFleetTopic
    watchUnmatched: false
  }
  dependsOn: [fleetTopic, actionGroup]
}

// What the next step needs (azd hands outputs on as environment variables). No secrets.

output ENVIRONMENT_NAME string = environmentName
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = groupName
output FUNCTION_APP_NAME string = names.app
output FUNCTION_APP_ID string = ids.app
output FUNCTION_APP_URL string = app.outputs.url
output EVENTGRID_TOPIC_NAME string = names.topic
output EVENTGRID_TOPIC_RESOURCE_GROUP string = topicGroupName
output EVENTGRID_IDENTITY_ID string = ids.eventGridIdentity
output EVENTGRID_TOPIC_HAS_IDENTITY bool = makesTopic || existingSystemTopicHasIdentity
output CLUSTER_TOPICS string = join(partsOf(clusterTopics), ',')
output EMAIL_TOPIC_NAME string = isAcs ? names.emailTopic : ''
output FLEET_TOPIC_NAME string = hasFleetTopic ? names.fleetTopic : ''
output FLEET_TOPIC_RESOURCE_GROUP string = hasFleetTopic ? fleetTopicGroupName : ''
output FLEET_TOPIC_HAS_IDENTITY bool = makesFleetTopic
output ACTION_GROUP_ID string = ids.actionGroup
output STORAGE_ACCOUNT_ID string = ids.account
output DEAD_LETTER_URL string = '${storage.outputs.blobEndpoint}${names.deadLetters}'
output TABLE_URL string = storage.outputs.tableEndpoint
output KEY_VAULT_NAME string = makesVault ? names.vault : ''
output LOG_WORKSPACE_ID string = monitoring.outputs.workspaceCustomerId
output OUT_TOPIC_ENDPOINT string = hasOutTopic ? publisher!.outputs.endpoint : ''
output APP_IDENTITY_PRINCIPAL_ID string = identities.outputs.appPrincipalId
