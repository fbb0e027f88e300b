"""PagerDuty, by the Events API v2: alerts that open and close, and changes that notify nobody."""
