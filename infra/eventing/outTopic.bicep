// A topic that the app publishes its events to, as CloudEvents: for whatever hangs on it. Nobody has a key for it.
param location string
param tags { *: string }
param name string

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

output endpoint string = topic.properties.endpoint
