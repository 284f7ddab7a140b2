"""The test harness: fakes of every port, and real servers on this machine."""
