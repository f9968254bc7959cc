"""`make bench`: the measurements that need no data of anybody else's."""

from benchmarks import circuits, rig, sample_rates

circuits.main()
sample_rates.main()
rig.main()
