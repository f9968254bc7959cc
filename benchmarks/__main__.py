"""`make bench`: the measurements that need no data of anybody else's."""

from benchmarks import circuits

circuits.main()
