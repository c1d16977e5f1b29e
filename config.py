"""pyinfra's configuration for this project: it refuses to run without the right packages."""

REQUIRE_PACKAGES = ["pyinfra>=3.10,<4", "rempart"]
