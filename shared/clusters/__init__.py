"""What clusters are like, and when their maintenance windows come: read daily, shown in mails.

    snapshot    what a mail says of it, frozen into the mail; pure
    known       what is stored of a cluster, read from the JSON of Azure Resource Manager; pure
    reckoning   from what is stored to what a mail says, and to when a watchdog looks; pure
    lookup      the same for a notice, one read for each cluster, nothing where CLUSTERS is off
    refresh     the daily reading, from subscriptions or from a file

Nothing is imported here: where CLUSTERS is off, the app starts without any of it but `standing`.
"""
