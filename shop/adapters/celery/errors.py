"""What a broker that is away raises, by way of kombu or past it."""

from amqp.exceptions import AMQPError
from kombu.exceptions import LimitExceeded, OperationalError
from redis.exceptions import RedisError

BROKER_ERRORS = (OperationalError, LimitExceeded, AMQPError, RedisError, OSError)
