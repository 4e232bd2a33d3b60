"""Times 3x3 convolutions of small feature maps in cuDNN, and the matrix products that could replace them (bf16, on a GPU).

usage: python3 tools/measure/small_convolutions.py

Each line has microseconds of the forward pass, the gradient of the input and that of the weights: cuDNN, then the product
alone. `gather` is the time LibTorch takes to bring the input into the rows of the product.
"""

import torch
import torch.nn.functional as F

RUNS = 10  # in one recording, so that gaps between launches do not count


def microseconds(work, repeats=50):
    for _ in range(5):
        work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(RUNS):
            work()
    graph.replay()
    torch.cuda.synchronize()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
    for event in events[:-1]:
        event.record()
        graph.replay()
    events[-1].record()
    torch.cuda.synchronize()
    times = sorted(a.elapsed_time(b) for a, b in zip(events, events[1:]))
    return times[repeats // 2] / RUNS * 1000


def bf16(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def measure(batch, channels, side):
    out = 1280
    x = bf16(batch, channels, side, side).contiguous(memory_format=torch.channels_last)
    weight = (bf16(out, channels, 3, 3) * 0.01).contiguous(memory_format=torch.channels_last)
    matrix = weight.permute(0, 2, 3, 1).reshape(out, 9 * channels)
    padded = F.pad(x, (1, 1, 1, 1)).contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    s = padded.stride()

    def gather():
        shape = (batch, side, side, 3, 3, channels)
        return padded.as_strided(shape, (s[0], s[1], s[2], s[1], s[2], s[3])).reshape(batch * side * side, 9 * channels)

    rows = gather()
    slope = bf16(batch * side * side, out)
    slope_map = slope.view(batch, side, side, out).permute(0, 3, 1, 2)

    def backward(wanted):
        return torch.ops.aten.convolution_backward(
            slope_map, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)

    works = [lambda: F.conv2d(x, weight, None, 1, 1), lambda: backward([True, False, False]),
             lambda: backward([False, True, False]), lambda: rows @ matrix.t(), lambda: slope @ matrix,
             lambda: slope.t() @ rows, gather]
    times = [f"{microseconds(work):.0f}" for work in works]
    expected = F.conv2d(x, weight, None, 1, 1).permute(0, 2, 3, 1).reshape(-1, out).float()
    error = ((rows @ matrix.t()).float() - expected).norm() / expected.norm()
    print(f"batch {batch:2}, {channels} -> {out}, {side}x{side}: cuDNN {' / '.join(times[:3])}, "
          f"product {' / '.join(times[3:6])}, gather {times[6]}, difference {error:.1e}", flush=True)


if __name__ == "__main__":
    torch.backends.cudnn.deterministic = True
    print(torch.cuda.get_device_name(), torch.__version__)
    for batch in (10, 16, 5, 2, 1):
        for channels in (1280, 2560):
            for side in (8, 16):
                measure(batch, channels, side)
