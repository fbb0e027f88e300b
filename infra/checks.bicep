// What values of parameters have to be like. What the app would refuse at its start is refused here, before
// anything is made; whatever the app takes is taken.

var digits = '0123456789'
var letters = 'abcdefghijklmnopqrstuvwxyz'

func all(conditions bool[]) bool => !contains(conditions, false)

func isMadeOf(text string, characters string) bool =>
  empty(filter(range(0, length(text)), i => !contains(characters, toLower(substring(text, i, 1)))))

@export()
@description('The parts of a list that is separated by commas, without the space around them.')
func partsOf(text string) string[] => filter(map(split(text, ','), part => trim(part)), part => !empty(part))

@export()
@description('A whole number of up to seven digits.')
func isNumber(text string) bool => !empty(text) && length(text) < 8 && isMadeOf(text, digits)

@export()
func isNumberBetween(text string, least int, most int) bool =>
  isNumber(text) ? int(text) >= least && int(text) <= most : false

@export()
@description('The name of an application setting: letters, digits and underscores, no digit first.')
func isSettingName(text string) bool =>
  all([!empty(text), isMadeOf(text, '${digits}${letters}_'), !contains(digits, take(text, 1))])

@export()
func isGuid(text string) bool =>
  all([
    isMadeOf(text, '${digits}abcdef-')
    join(map(split(text, '-'), part => string(length(part))), ' ') == '8 4 4 4 12'
  ])

@export()
@description('The ids of a list of subscriptions: each once, in small letters. Neither what is off nor a file of the app.')
func subscriptionsOf(text string) string[] =>
  toLower(trim(text)) == 'off' || startsWith(trim(text), '@') ? [] : union([], partsOf(toLower(text)))

@export()
@description('The id of an AKS cluster.')
func isCluster(id string) bool =>
  length(split(id, '/')) != 9
    ? false
    : isGuid(split(id, '/')[2]) && !empty(split(id, '/')[4]) && !empty(split(id, '/')[8]) && startsWith(
        toLower(id),
        '/subscriptions/${toLower(split(id, '/')[2])}/resourcegroups/'
      ) && contains(toLower(id), '/providers/microsoft.containerservice/managedclusters/')

@export()
func isAddress(text string) bool =>
  all([
    length(split(text, '@')) == 2
    !startsWith(text, '@')
    contains(last(split(text, '@'))!, '.')
    !endsWith(text, '.')
    empty(filter(range(0, length(text)), i => contains(' \t\r\n<>,;:"()[]\\', substring(text, i, 1))))
  ])

func bare(text string) string =>
  contains(text, '<') && endsWith(text, '>') ? replace(last(split(text, '<'))!, '>', '') : text

@export()
@description('Such as aks@example.com, or AKS maintenance <aks@example.com>.')
func isSender(text string) bool => isAddress(bare(text))

@export()
func areAddresses(text string) bool => !empty(partsOf(text)) && empty(filter(partsOf(text), part => !isAddress(part)))

func partsOfDuration(text string) string[] => split(replace(replace(replace(text, 'd', 's'), 'h', 's'), 'm', 's'), 's')

@export()
@description('Such as 7d, 24h, 1h30m or 0s: numbers, each with its unit.')
func isDuration(text string) bool =>
  all([
    !empty(text)
    empty(last(partsOfDuration(text)))
    length(filter(partsOfDuration(text), part => isNumber(part))) == length(partsOfDuration(text)) - 1
  ])

@export()
func areDurations(text string) bool => empty(filter(split(text, ','), part => !isDuration(trim(part))))

@export()
@description('What stands between :// and the path of an address.')
func authorityOf(url string) string => contains(url, '://') ? split(split(split(url, '://')[1], '/')[0], '?')[0] : ''

@export()
@description('Who signs in, as an address names him: what stands before the last @ of its authority.')
func userOf(url string) string =>
  contains(authorityOf(url), '@') ? substring(authorityOf(url), 0, lastIndexOf(authorityOf(url), '@')) : ''

@export()
func isHttps(url string) bool =>
  all([
    startsWith(toLower(url), 'https://')
    !empty(authorityOf(url))
    !contains(authorityOf(url), '@')
    !contains(url, ' ')
    !contains(url, ';')
  ])

@export()
@description('The name of a management group, which is its id.')
func isManagementGroup(text string) bool =>
  all([
    !empty(text) && length(text) <= 90
    isMadeOf(text, '${letters}${digits}-_.()')
  ])

@export()
func isRelay(url string) bool =>
  all([
    startsWith(toLower(url), 'smtp://') || startsWith(toLower(url), 'smtps://')
    !empty(last(split(authorityOf(url), '@')))
    !startsWith(last(split(authorityOf(url), '@'))!, ':')
    !contains(url, ' ')
  ])

@export()
func isHost(text string) bool =>
  all([
    isMadeOf(text, '${letters}${digits}-.')
    length(split(text, '.')) > 1
    empty(filter(split(text, '.'), part => empty(part)))
  ])

@export()
@description('As Azure Storage wants it: 3 to 63 letters and digits, a letter first; tables is a name of its own.')
func isTableName(text string) bool =>
  all([
    length(text) >= 3 && length(text) <= 63
    isMadeOf(text, '${letters}${digits}')
    isMadeOf(take(text, 1), letters)
    toLower(text) != 'tables'
  ])

// A schedule as the Functions host reads it (NCRONTAB): five fields, or six with the seconds first. In a field a number,
// a name, a range in either direction or *, each with or without a step, and lists of them.

func isEnd(text string, least int, most int, hasNames bool) bool =>
  isNumberBetween(text, least, most) || (hasNames && length(text) >= 3 && isMadeOf(text, letters))

func isRange(text string, least int, most int, hasNames bool) bool =>
  text == '*' || (length(split(text, '-')) <= 2 && empty(filter(
    split(text, '-'),
    end => !isEnd(end, least, most, hasNames)
  )))

func isItem(text string, least int, most int, hasNames bool) bool =>
  isRange(split(text, '/')[0], least, most, hasNames) && empty(filter(
    skip(split(text, '/'), 1),
    step => !isNumber(step)
  )) && length(split(text, '/')) <= 2

func isField(text string, least int, most int, hasNames bool) bool =>
  empty(filter(split(text, ','), item => !isItem(item, least, most, hasNames)))

func areFields(fields string[]) bool =>
  length(fields) != 6
    ? false
    : all([
        isField(fields[0], 0, 59, false)
        isField(fields[1], 0, 59, false)
        isField(fields[2], 0, 23, false)
        isField(fields[3], 1, 31, false)
        isField(fields[4], 1, 12, true)
        isField(fields[5], 0, 6, true)
      ])

func fieldsOf(text string) string[] => filter(split(text, ' '), field => !empty(field))

@export()
func isSchedule(text string) bool => areFields(concat(length(fieldsOf(text)) == 5 ? ['0'] : [], fieldsOf(text)))
