"""How long everything may take, in seconds, each budget inside the next and all of them under CloudFormation's hour.

The construct library reads this module at synth, so it must not import anything but the standard library.
"""

# One AWS call: three attempts, each at most this long.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 15
ATTEMPTS = 3
CALL = ATTEMPTS * (CONNECT_TIMEOUT + READ_TIMEOUT) + 10  # and botocore's pauses in between

# A role or policy that was made seconds ago is not known everywhere in IAM yet.
IAM_PATIENCE = 45
# An update usually settles in two or three seconds: waiting here spares a round of the waiter.
SETTLE_PATIENCE = 20
# All tries to create, counted from the start of the invocation; no call is begun after it.
CREATION_PATIENCE = 150
# One invocation of the function: creation's patience, and a look and a change of tags, of two calls each, begun in it.
INVOCATION = 450

# What has overtaken a Create or an Update waits for the creation that may just be under way. Longer would be safer, and
# make every rollback of a refused deploy that much slower; before a creation the stack is asked if it goes forward.
OVERTAKEN = 30
# The update itself, and its tags, may become visible later than it was created.
TAG_LAG = 60
# A deletion that failed is tried again for this long.
DELETION_PATIENCE = 600
# The handler gives up: a creation that never settles, a deletion that never ends.
CREATION_DEADLINE = 900
HANDLER_DEADLINE = 3120

# What Step Functions takes as the input of the waiter, less what is added to the event.
EVENT_BYTES = 240_000
# The waiter of the Provider framework, and CloudFormation's own patience with it.
QUERY_INTERVAL = 5
TOTAL_TIMEOUT = 3300
SERVICE_TIMEOUT = 3480
