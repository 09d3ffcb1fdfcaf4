"""How long everything may take, in seconds, each budget inside the next and all of them under CloudFormation's hour.

The construct library reads this module at synth, so it must not import anything but the standard library.
"""

# One AWS call. The SDK tries it once: what is tried again is decided here, where the stack can be asked in between.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 15
CALL = CONNECT_TIMEOUT + READ_TIMEOUT + 5

# A role or policy that was made seconds ago is not known everywhere in IAM yet.
IAM_PATIENCE = 45
# An update usually settles in two or three seconds: waiting in the invocation spares a round of the waiter.
SETTLE_PATIENCE = 20
# No look is begun in an invocation after this.
PATIENCE = 150
# One invocation of the function: its patience, and the calls of one step begun in it.
INVOCATION = 300

# An update may be seen later than it was created, and its tags later than the update itself.
LAG = 5
TAG_LAG = 60
# What CloudFormation shows of a stack may be older than the event that it has sent.
STACK_LAG = 10
# The mark of a deploy is one more tag, set some seconds after the creation.
MARK_LAG = TAG_LAG + 30
# What has overtaken a creation waits for the one call that may just be under way: the stack is asked before each.
OVERTAKEN = CALL + LAG + 5
# The devices of a new job show some seconds after it.
ROLLOUT_LAG = 60
# The clock of AWS IoT, which dates an update, and the handler's may differ by this.
CLOCK_SKEW = 10
# A deletion that failed is tried again for this long.
DELETION_PATIENCE = 600
# The handler gives up: a creation that never settles, a deletion that never ends.
CREATION_DEADLINE = 900
HANDLER_DEADLINE = 3000
# An update with a gate that is not there after this was there already: it is not made again.
GATED_CREATION = 300

# Step Functions takes 256 KiB, and the framework's "not yet" may carry the event twice.
EVENT_BYTES = 120_000
# The waiter of the Provider framework, and CloudFormation's own patience with it.
QUERY_INTERVAL = 5
TOTAL_TIMEOUT = 3300
SERVICE_TIMEOUT = 3480
