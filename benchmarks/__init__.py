"""What the engine costs: latency, throughput, start-up, memory, and ratios to hand-written code.

`python -m benchmarks` runs everything, `python -m benchmarks latency reads` some of it. Nothing
here is a test: figures depend on the machine, so compare ratios, and runs of one machine.
"""
