"""Timeouts in seconds. Each one nests inside the next; the outermost stays under CloudFormation's one-hour limit."""

# One AWS call. The SDK makes it once: the handler retries, because it asks for the stack in between.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 15
CALL = CONNECT_TIMEOUT + READ_TIMEOUT + 3

# A role or policy that was created seconds ago has not propagated in IAM everywhere; it can take three minutes.
IAM_PATIENCE = 180
# An update usually settles in two or three seconds: waiting in the invocation saves a poll of the waiter.
SETTLE_PATIENCE = 20
# No look begins in an invocation after this.
PATIENCE = 184
# A gate that cannot end soon is left alone for as long, besides the usual pause between two looks.
QUIET = 10
# A gate whose counts do not change is a line of the log as often as CloudWatch has a value of a metric.
LOG_INTERVAL = 60
# One invocation of the function: its patience, and the calls of one step that began within it.
INVOCATION = 300
# A creation takes four calls: one that no other invocation repeats is tried as long as they fit in.
CREATION_PATIENCE = INVOCATION - 4 * CALL

# An update may become visible after its creation, and its tags minutes after the update.
LAG = 5
TAG_LAG = 180
# The status of a stack may be older than the event that CloudFormation has sent.
STACK_LAG = 10
# The deployed tag of an update without a gate is added some seconds after the creation.
MARK_LAG = TAG_LAG + 30
# A Delete that races with a creation waits this long: at most one CreateOTAUpdate call can still be in flight, because
# the status of the stack is read before each call.
OVERTAKEN = CALL + LAG + 5
# The devices of a new job become visible some seconds after it.
JOB_LAG = 60
# An update is dated and its age is told by the clock of AWS IoT, but not to the second.
CLOCK_SKEW = 10
# Without the time of AWS IoT's answer, its clock and that of the handler may differ by a minute more.
CLOCK_FAULT = 60 + CLOCK_SKEW
# An alarm that was created seconds ago may not be visible yet. One that is missing later is asked for again.
ALARM_LAG = 60
ALARM_PATIENCE = 15
# The quota of the calls that read alarms is that of the account, so that a gate reads them less often than its job.
ALARM_INTERVAL = 15
# An alarm whose configuration has just changed keeps the state of the old one until it is evaluated again.
ALARM_EVALUATION = 180
# A deletion that failed is retried for this long.
DELETION_PATIENCE = 600
# The handler gives up on a creation that never settles, and on a deletion that never ends.
CREATION_DEADLINE = 900
HANDLER_DEADLINE = 3000
# CloudFormation tries a deletion in a clean-up three times, and completes the stack whether it succeeds or not.
CLEANUP_DEADLINE = 900
# An update, or a link, hands its gate over to the next link after this, less the time in which devices may finish; and
# an update whose creation took long, this long after its event began, while there is time for its last calls.
WATCH = 2700
LAST_HAND_OVER = HANDLER_DEADLINE - 150
# The job of a failed gate is canceled by then, or its rollout continues.
CANCEL_DEADLINE = 3200
# The devices that a gate has failed because of are looked up in this time, before their job is deleted. No call begins
# in the last seconds of it, in which one could hang; the connection exists by then.
EVIDENCE = 20
LAST_EVIDENCE = EVIDENCE - READ_TIMEOUT
# An update with a gate is created by an invocation that begins within this, and no gate reports its failure before: so
# an invocation that the framework repeats, because it could not deliver that failure, does not create it again.
GATED_CREATION = 20

# The waiter of the Provider framework, and CloudFormation's timeout for the resource.
QUERY_INTERVAL = 5
TOTAL_TIMEOUT = 3300
SERVICE_TIMEOUT = 3480
