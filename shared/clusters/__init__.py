"""What is known of clusters, where it is asked for: read daily, looked up for a notice, shown in mails.

schedule    from what is stored to what a mail says, and to when a watchdog looks; pure
lookup      the same for a notice, one read for each cluster, nothing where CLUSTERS is off
refresh     the reading of a file, for trying things out
"""
