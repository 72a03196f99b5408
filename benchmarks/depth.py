"""A chain of 1,000,000 nodes: recorded, backpropagated and dropped, with no recursion; and a diamond 60 deep.

python -m benchmarks.depth
"""

import time

from tinygrad_edu import Value

if __name__ == "__main__":
    start = node = Value(1.0)
    begin = time.perf_counter()
    for _ in range(1_000_000):
        node = node + 1.0
    recorded = time.perf_counter()
    node.backward()
    swept = time.perf_counter()
    del node
    print(
        f"1,000,000 nodes: recorded in {recorded - begin:.2f} s, "
        f"backward in {swept - recorded:.2f} s (claimed at most 3), "
        f"dropped in {time.perf_counter() - swept:.2f} s, gradient {start.grad}"
    )
    start = y = Value(1.0)
    for _ in range(60):
        y = y + y
    begin = time.perf_counter()
    y.backward()
    print(f"y = y + y sixty times: {(time.perf_counter() - begin) * 1e6:.0f} us, exact: {start.grad == 2.0**60}")
