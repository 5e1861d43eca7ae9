"""What columns with few values may say: one enum for each. The journey itself is in `states`."""

from enum import StrEnum


class ReturnStatus(StrEnum):
    """Where the goods stand; an axis of its own beside the money."""

    AWAITED = "AWAITED"
    SHIPPED = "SHIPPED"
    RECEIVED = "RECEIVED"
    INSPECTED = "INSPECTED"
    LOST = "LOST"
    CANCELLED = "CANCELLED"


class Verdict(StrEnum):
    """What the warehouse says about units of a line; in falling order of what is granted."""

    ACCEPTED = "ACCEPTED"
    """As it should be."""
    REDUCED = "REDUCED"
    """Worn, incomplete or flawed: worth the amount given."""
    REFUSED = "REFUSED"
    """It came, and nothing is granted for it."""
    WRONG_ITEM = "WRONG_ITEM"
    """Something else came in its place; nothing is granted."""
    MISSING = "MISSING"
    """It did not come; nothing is granted."""

    @property
    def arrived(self) -> bool:
        """True of units that are ours and are here."""
        return self in {Verdict.ACCEPTED, Verdict.REDUCED, Verdict.REFUSED}

    @property
    def granted(self) -> bool:
        """True of units for which something is paid."""
        return self in {Verdict.ACCEPTED, Verdict.REDUCED}


class Disposition(StrEnum):
    """What becomes of units that came back."""

    RESTOCK = "RESTOCK"
    """Sold again as they are."""
    REPAIR = "REPAIR"
    """Cleaned, completed or mended first."""
    WRITE_OFF = "WRITE_OFF"
    """Never sold again."""
    BACK_TO_CUSTOMER = "BACK_TO_CUSTOMER"
    """Sent back to whom they belong."""


class Priority(StrEnum):
    """How soon people are to look at a refund; in rising order."""

    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"

    @property
    def rank(self) -> int:
        """0 is the lowest."""
        return list(Priority).index(self)


class AutoAssign(StrEnum):
    """Whether the engine deals cases out to the people at a desk."""

    OFF = "OFF"
    """People take what they like."""
    BY_LOAD = "BY_LOAD"
    """To whoever is there and has the fewest."""


class NoteKind(StrEnum):
    """What colleagues write to each other about a refund."""

    NOTE = "NOTE"
    HANDOVER = "HANDOVER"
    """Why somebody gave the case to a colleague, or back."""


class PayoutStatus(StrEnum):
    """Where one payout on one capture stands."""

    READY = "READY"
    """Committed; no byte has been sent to the gateway under this number."""
    SENDING = "SENDING"
    """A call is under way, or was cut off: nobody knows yet."""
    UNKNOWN = "UNKNOWN"
    """The gateway may or may not have paid; it is asked until it proves one or the other."""
    PROCESSING = "PROCESSING"
    """The gateway accepted it and has not finished."""
    REJECTED = "REJECTED"
    """Proof that no money moved."""
    NEEDS_MANUAL = "NEEDS_MANUAL"
    """Only a person can tell, or can finish it."""
    SUCCEEDED = "SUCCEEDED"
    """Proof that the money moved."""
    REVERSED = "REVERSED"
    """It had moved, and the gateway took it back later."""

    @property
    def in_doubt(self) -> bool:
        """True while the gateway may hold this payout without our knowing its end."""
        return self in {PayoutStatus.SENDING, PayoutStatus.UNKNOWN}

    @property
    def counts_against_cap(self) -> bool:
        """True while the amount is taken from the capture's refundable rest."""
        return self not in {PayoutStatus.REJECTED, PayoutStatus.REVERSED}


class RuleTrigger(StrEnum):
    """What makes the shop's rules look at a refund."""

    REQUESTED = "REQUESTED"
    """It was asked for, and nobody has decided yet."""
    STATUS_CHANGED = "STATUS_CHANGED"
    """It has gone from one status to another."""
    TRACKING_EVENT = "TRACKING_EVENT"
    """A courier has news of one of its parcels."""
    CLOCK = "CLOCK"
    """Time has passed in its status."""
    RISK_CHANGED = "RISK_CHANGED"
    """What is known of its customer's risk has changed."""


class RuleMode(StrEnum):
    """Whether a rule acts."""

    LIVE = "LIVE"
    """It acts."""
    SHADOW = "SHADOW"
    """It is judged, and what it would have done is recorded; nothing comes of it."""
    OFF = "OFF"
    """It is not looked at."""


class RuleMatching(StrEnum):
    """How far the rules of one trigger are read."""

    FIRST = "FIRST"
    """Up to the first that matches; that one acts alone."""
    ALL = "ALL"
    """To the end: every rule that matches acts, and the first that decides where the refund goes
    has decided."""


class RuleOutcome(StrEnum):
    """What came of judging one rule."""

    MATCHED = "MATCHED"
    """Its condition holds."""
    NOT_MATCHED = "NOT_MATCHED"
    """Its condition does not hold."""
    UNKNOWN = "UNKNOWN"
    """Its condition needs a fact that is not known: it does not match."""
    ERROR = "ERROR"
    """Its condition cannot be worked out on these facts, as in a division by zero: no match."""
    CAPPED = "CAPPED"
    """Its condition holds, and it has done enough for today: a person decides."""
    OUT_OF_DATE = "OUT_OF_DATE"
    """It is not valid yet, or no longer."""


class RuleChangeKind(StrEnum):
    """What somebody did to a rule."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    MODE_SET = "MODE_SET"
    MOVED = "MOVED"
    DELETED = "DELETED"


class BacktestStatus(StrEnum):
    """Where the trial of a rule on the shop's history stands."""

    QUEUED = "QUEUED"
    """Nothing has been looked at yet."""
    RUNNING = "RUNNING"
    """Some refunds have been looked at."""
    DONE = "DONE"
    """All have; there is a report."""
    FAILED = "FAILED"
    """The engine could not go on."""
    CANCELLED = "CANCELLED"
    """Somebody did not want to wait."""


class MessageStatus(StrEnum):
    """Where a message to a person stands."""

    QUEUED = "QUEUED"
    """Not handed over yet, or to be handed over again."""
    SENDING = "SENDING"
    """A call is under way, or was cut off."""
    SENT = "SENT"
    """The channel has taken it."""
    SUPERSEDED = "SUPERSEDED"
    """This channel cannot reach the person; the next one took over."""
    DEAD = "DEAD"
    """Given up, or its outcome is not known and the channel does not drop doubles: a dead letter
    that staff can see and send again."""


class DeliveryStatus(StrEnum):
    """Where a webhook to the shop stands."""

    QUEUED = "QUEUED"
    """Waits for its first or its next try."""
    DELIVERED = "DELIVERED"
    """Answered with 2xx."""
    DEAD = "DEAD"
    """Three days of tries, or an endpoint that is disabled: staff can send it again."""


class RiskSource(StrEnum):
    """Who says something about a customer's risk."""

    CRM = "CRM"
    """A CRM system."""
    HISTORY = "HISTORY"
    """What the customer has done in this shop."""
    FLAG = "FLAG"
    """A flag that the shop, or one of its rules, has set."""


class FlagChangeKind(StrEnum):
    """What happened to a customer's flag."""

    SET = "SET"
    APPEALED = "APPEALED"
    """The customer, or somebody for her, asks to look again."""
    UPHELD = "UPHELD"
    """Somebody has looked again, and it stays."""
    REMOVED = "REMOVED"
    EXPIRED = "EXPIRED"


class AppealOutcome(StrEnum):
    """What came of looking again."""

    UPHELD = "UPHELD"
    """The flag stays."""
    REMOVED = "REMOVED"
    """The flag is gone."""


class CrmFlagsStatus(StrEnum):
    """Where one CRM system stands with a customer's flags."""

    PENDING = "PENDING"
    """It is to be told, or to be told again."""
    TOLD = "TOLD"
    """It has taken them."""
    REFUSED = "REFUSED"
    """It has refused them for good; the next change of the flags is tried again."""


class CouponPurpose(StrEnum):
    """Why a customer gets a coupon."""

    GIFT = "GIFT"
    """To buy again, after a refund."""
    COMPENSATION = "COMPENSATION"
    """For trouble the shop has caused: store credit on top of what was paid back."""
    RESTITUTION = "RESTITUTION"
    """For what the customer had paid with and cannot get back as it was."""
    EXCHANGE = "EXCHANGE"
    """In place of the money: the customer took it when offered a choice."""


class CouponStatus(StrEnum):
    """Where a coupon stands."""

    WANTED = "WANTED"
    """Waits for its turn, for the refund's decision, or for a CRM system."""
    ISSUING = "ISSUING"
    """A call is under way, or nobody knows its end: the CRM system is asked again."""
    ISSUED = "ISSUED"
    """The customer has it."""
    FAILED = "FAILED"
    """Refused, or given up after days; staff can have it tried again."""
    WITHDRAWN = "WITHDRAWN"
    """Never issued: the refund came to nothing first, or staff changed their mind."""
    REVOKING = "REVOKING"
    """Staff want it made worthless, and the CRM system has not confirmed."""
    REVOKED = "REVOKED"
    """Worthless."""


class RestitutionKind(StrEnum):
    """What else a customer had paid with."""

    POINTS = "POINTS"
    COUPON = "COUPON"


class RestitutionStatus(StrEnum):
    """How far something is given back."""

    WANTED = "WANTED"
    """Waits for its turn, or for a CRM system."""
    RESTORING = "RESTORING"
    """A call is under way, or nobody knows its end: the CRM system is asked again."""
    RESTORED = "RESTORED"
    """The customer has it back."""
    FAILED = "FAILED"
    """Refused, or given up after days; staff can have it tried again."""


class ExposureRelease(StrEnum):
    """Why money that went ahead of its goods no longer counts against the customer's limit."""

    SCANNED = "SCANNED"
    """A courier has the goods."""
    RECEIVED = "RECEIVED"
    """The warehouse has them."""
    CLAIMED = "CLAIMED"
    """They never came: a claim took its place."""


class ClaimReason(StrEnum):
    """Why the shop is owed something after it has paid."""

    OVERDUE = "OVERDUE"
    """The goods did not come in time."""
    INSPECTION = "INSPECTION"
    """They came, and some were missing or worth less."""
    REPORTED = "REPORTED"
    """A member of staff says so, as when a courier lost the parcel."""


class ClaimStatus(StrEnum):
    """Where a claim stands; people close it, and no money is ever taken for it."""

    OPEN = "OPEN"
    SETTLED = "SETTLED"
    """The goods came after all, or somebody made up for them."""
    WRITTEN_OFF = "WRITTEN_OFF"
    """The shop bears the loss."""


class OfferKind(StrEnum):
    """One way out that a customer can be offered."""

    FULL_WITH_RETURN = "FULL_WITH_RETURN"
    """All the money, once the goods are back."""
    KEEP_AND_COMPENSATE = "KEEP_AND_COMPENSATE"
    """The customer keeps the goods and gets some money for the trouble."""
    PARTIAL = "PARTIAL"
    """A part of the money for a flaw, wherever the goods are."""
    EXCHANGE_COUPON = "EXCHANGE_COUPON"
    """A coupon in place of the money, with a bonus."""


class OfferState(StrEnum):
    """Where an offer, and the ladder that it is on, stands."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    """The customer took none of them, or another one."""
    COUNTERED = "COUNTERED"
    """The customer proposed an amount of her own."""
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    """By the shop, or with the request."""


class ReturnPayer(StrEnum):
    """Who pays the parcel that brings the goods back."""

    SHOP = "SHOP"
    CUSTOMER = "CUSTOMER"


class Purpose(StrEnum):
    """What a budget of staff is for."""

    APPROVAL = "APPROVAL"
    """Money that was asked for."""
    COMPENSATION = "COMPENSATION"
    """Money, or a coupon, offered in its place or on top."""


class Span(StrEnum):
    """What a limit of a budget counts; days and months are the shop's."""

    CASE = "CASE"
    DAY = "DAY"
    MONTH = "MONTH"


class DiscretionStep(StrEnum):
    """What somebody wanted to do beyond their budget."""

    APPROVE = "APPROVE"
    APPROVE_FIRST = "APPROVE_FIRST"
    PROPOSE_OFFERS = "PROPOSE_OFFERS"
    ACCEPT_COUNTER = "ACCEPT_COUNTER"
    ISSUE_COUPON = "ISSUE_COUPON"


class DiscretionStatus(StrEnum):
    """Where a task for somebody with more budget stands."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    """Somebody else has done it."""
    REFUSED = "REFUSED"
    OBSOLETE = "OBSOLETE"
    """The refund has left review without it."""


class PickupStatus(StrEnum):
    """Where the pickup of a return stands."""

    WANTED = "WANTED"
    """Waits for its turn, or for the courier."""
    BOOKING = "BOOKING"
    """A call is under way, or nobody knows its end: the courier is asked for it."""
    BOOKED = "BOOKED"
    """The courier has accepted it."""
    FAILED = "FAILED"
    """Refused, or given up after days: the goods can be sent another way."""
    CANCELLED = "CANCELLED"
    """The courier never heard of it: the goods went another way first."""
    DONE = "DONE"
    """The courier has fetched the goods."""


class ParcelDirection(StrEnum):
    """Which way a parcel goes."""

    OUT = "OUT"
    """To the customer."""
    BACK = "BACK"
    """To the shop."""


class WatchMode(StrEnum):
    """How the news of a parcel comes."""

    SUBSCRIBING = "SUBSCRIBING"
    """The courier is to be asked to send it by itself."""
    SUBSCRIBED = "SUBSCRIBED"
    """The courier sends it; after a day of silence it is asked."""
    POLLING = "POLLING"
    """The courier is asked, no more often than it allows."""


class WatchEnd(StrEnum):
    """Why a parcel is no longer followed."""

    DELIVERED = "DELIVERED"
    SENT_BACK = "SENT_BACK"
    """It is with its sender again."""
    EXPIRED = "EXPIRED"
    """Its courier expects no more news, or it was followed for sixty days."""
    NOT_NEEDED = "NOT_NEEDED"
    """Nobody waits for it."""


class AnomalyKind(StrEnum):
    """What is wrong with a parcel on its way to a customer."""

    LATE = "LATE"
    """Later than nine of ten that went the same way."""
    STUCK = "STUCK"
    """Not scanned for three days."""
    EXCEPTION = "EXCEPTION"
    """Its courier reports damage, a hold, a refusal."""
    LOST = "LOST"
    """Not scanned for ten days, or its courier expects no more news."""


class Fulfilment(StrEnum):
    """How far goods have left the warehouse, per line and per order."""

    UNSHIPPED = "UNSHIPPED"
    PARTLY_SHIPPED = "PARTLY_SHIPPED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"


class DeadlineStage(StrEnum):
    """What a refund waits for while a clock runs."""

    FIRST_RESPONSE = "FIRST_RESPONSE"
    """For any colleague to act on a request that went to customer service."""
    REVIEW = "REVIEW"
    """For customer service to decide."""
    WAREHOUSE_CHECK = "WAREHOUSE_CHECK"
    """For the warehouse to say where the goods are."""
    CUSTOMER_SHIPS = "CUSTOMER_SHIPS"
    """For the customer to send the goods."""
    INSPECTION = "INSPECTION"
    """For the warehouse to inspect what has arrived."""
    FINANCE = "FINANCE"
    """For finance to release the money."""
    CUSTOMER_ANSWERS = "CUSTOMER_ANSWERS"
    """For the customer to give the evidence that was asked for."""


class DeadlineUnit(StrEnum):
    """What a deadline is counted in."""

    MINUTES = "MINUTES"
    HOURS = "HOURS"
    DAYS = "DAYS"
    """Whole days where the shop is: until the midnight after the last of them."""
    BUSINESS_DAYS = "BUSINESS_DAYS"
    """Days on which the shop is open: until the same time on a later one."""


class DeadlineAction(StrEnum):
    """What the engine does when a deadline has passed."""

    APPROVE = "APPROVE"
    """Agree in the place of customer service that kept silent, within bounds; else escalate."""
    ESCALATE = "ESCALATE"
    """Raise the refund's priority, and say why."""
    REMIND = "REMIND"
    """Remind the customer."""
    CLOSE = "CLOSE"
    """Close the request: the customer did nothing."""
    NONE = "NONE"
    """Only record that it has passed."""


class ClockState(StrEnum):
    """Where a clock stands."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    """It is the customer's turn."""
    MET = "MET"
    """What it waited for came in time."""
    BREACHED = "BREACHED"
    """It did not."""
    CANCELLED = "CANCELLED"
    """It no longer matters: the request was withdrawn, or went another way."""


class EvidencePurpose(StrEnum):
    """What a file shows."""

    REQUEST = "REQUEST"
    """Why the customer asks; it came with the request."""
    EVIDENCE = "EVIDENCE"
    """An answer to what customer service wants to see, or what it has from elsewhere."""
    INSPECTION = "INSPECTION"
    """What the warehouse found; customers do not see it."""


class EvidenceStatus(StrEnum):
    """Where a file stands."""

    PENDING = "PENDING"
    """Announced; nothing of it is there yet."""
    STORED = "STORED"
    REMOVED = "REMOVED"
    """Somebody took it back: that it was there is known, what it showed is not."""
