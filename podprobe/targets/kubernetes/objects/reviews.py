"""Who is asking, and what one may."""

from __future__ import annotations

from podprobe.targets.kubernetes.objects.wire import Wire


class UserInfo(Wire, frozen=True):
    """Who is asking."""

    username: str = ""
    groups: tuple[str, ...] = ()


class WhoAmIStatus(Wire, frozen=True):
    """The answer to a SelfSubjectReview."""

    user_info: UserInfo = UserInfo()


class WhoAmI(Wire, frozen=True):
    """A SelfSubjectReview."""

    status: WhoAmIStatus = WhoAmIStatus()


class ReviewStatus(Wire, frozen=True):
    """The answer to a SelfSubjectAccessReview."""

    allowed: bool = False
    reason: str = ""


class AccessReview(Wire, frozen=True):
    """A SelfSubjectAccessReview."""

    status: ReviewStatus = ReviewStatus()
