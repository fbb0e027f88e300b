"""What the table knows, for whoever has an address of it: a status page, a calendar feed, and a probe.

    maintenance_state  where each maintenance stands, from its stored news; pure
    windows            the windows to be expected that no notice covers; pure
    board              what one audience sees at a moment; pure
    feed               the board as iCalendar, JSON and Atom; pure
    page               the board as HTML; pure
    responses          bytes with their headers: ETag, 304, what browsers may do; pure
    publisher          tokens and rows read, answers kept for a minute

Pages read and never write.
"""
