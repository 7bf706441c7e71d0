"""What moto is told before it starts; Python reads this file by itself.

Lambda's part is played by the bridge. Moto's own stand-in for it would take every message from a queue that feeds a
function, call nothing, and delete the message.
"""

import os
import sys
import threading

from moto.awslambda.models import LambdaBackend
from moto.dynamodb.responses import DynamoHandler
from moto.sqs.models import Queue

# Its stand-in for what a topic sends to a function looks for Docker, whatever it is told.
LambdaBackend.send_sns_message = lambda *arguments, **named: None

# Requests are handled by threads, and an update is a read and a write: of two at the same time one was lost.
ONE_AT_A_TIME = threading.RLock()
call_action = DynamoHandler.call_action


def call_alone(handler):
    with ONE_AT_A_TIME:
        return call_action(handler)


DynamoHandler.call_action = call_alone

Queue.lambda_event_source_mappings = property(lambda queue: {}, lambda queue, mappings: None)


def end_with_the_test():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_the_test, daemon=True).start()
