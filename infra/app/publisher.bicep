// The app may publish to one topic.
param topicName string
param appIdentityId string
param appPrincipalId string

var roleIds = {
  'EventGrid Data Sender': 'd5a91429-5739-47e2-a06b-3470a27159e7'
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource appPublishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(topic.id, appIdentityId, roleIds['EventGrid Data Sender'])
  scope: topic
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds['EventGrid Data Sender']
    )
  }
}

output endpoint string = topic.properties.endpoint
