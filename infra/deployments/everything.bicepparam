// Everything on.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'smtp'
param emailFrom = 'aks@example.com'
param emailOnlyTo = 'me@example.com'
param smtpUrl = 'smtp://user@smtp.example.com:587'
param smtpPassword = 'a password'
param emailPrevious = 'https://acs-before.europe.communication.azure.com'
param emailPerMinute = '30'
param emailPerHour = '1000'
param secretNames = 'TEAMS_SHOP,SLACK_TOKEN'
param secretValues = { TEAMS_SHOP: 'a secret' }
param secretUris = 'PD_SHOP=https://mine.vault.azure.net/secrets/pd-shop'
param outTopicName = 'evgt-out'
param slackEndpoint = 'https://slack-gov.com/api'
param pagerdutyEndpoint = 'https://events.eu.pagerduty.com'
param routes = '@routes.yaml'
param timeZone = 'Europe/Berlin'
param clusters = '00000000-0000-0000-0000-00000000000A, 00000000-0000-0000-0000-00000000000b,00000000-0000-0000-0000-00000000000a'
param clusterTopics = '/subscriptions/00000000-0000-0000-0000-00000000000a/resourceGroups/rg-shop/providers/Microsoft.ContainerService/managedClusters/shop'
param pages = true
param sweepSchedule = '*/2 * * * *'
param privateNetworking = true
