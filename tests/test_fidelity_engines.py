"""FidelityCounter on engines that others built: each part is counted where it lies, then merged.

Two examples to copy: Dask, and torch.distributed with two processes on this machine.
"""

import functools

import numpy as np
import pytest
import torch.distributed
import torch.multiprocessing
from test_fidelity_counter import counted, data, same

from kdlib.fidelity import FidelityCounter

ROWS, PARTS = 1000, 7


@pytest.fixture(scope="module")
def expected():
    """The report of all rows counted at once."""
    return counted(slice(None), *data(ROWS)).report()


def count(teacher, student, labels, control):
    """What runs where the data are: a few arrays in, a small counter out."""
    counter = FidelityCounter(logits=True)
    counter.update(teacher, student, labels, control)
    return counter


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_dask_counts_each_partition_and_merges_in_whatever_order_they_end(scheduler, expected):
    dask = pytest.importorskip("dask")
    bag = pytest.importorskip("dask.bag")
    parts = zip(*(np.array_split(part, PARTS) for part in data(ROWS)), strict=True)
    partitions = bag.from_sequence(parts, npartitions=PARTS)
    with dask.config.set(scheduler=scheduler):
        counter = partitions.map(lambda part: count(*part)).fold(FidelityCounter.merge).compute()
    assert same(counter.report(), expected)


def test_dask_arrays_are_counted_block_by_block(expected):
    arrays = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")
    chunked = (arrays.from_array(part, chunks=(150, *part.shape[1:])) for part in data(ROWS))
    blocks = zip(*(part.to_delayed().ravel() for part in chunked), strict=True)
    counters = dask.compute(*(dask.delayed(count)(*block) for block in blocks))
    assert same(functools.reduce(FidelityCounter.merge, counters).report(), expected)


def test_two_processes_of_torch_distributed_agree_on_one_report(tmp_path, expected, monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    rendezvous = f"file://{tmp_path / 'rendezvous'}"
    torch.multiprocessing.spawn(count_share, (2, rendezvous, str(tmp_path)), nprocs=2)
    for rank in range(2):
        assert (tmp_path / f"report{rank}.txt").read_text() == str(expected)


def count_share(rank, world, rendezvous, folder):
    """Count every second row, hear what the others counted, and write the report of all."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rendezvous, rank=rank, world_size=world)
    mine = counted(slice(rank, None, world), *data(ROWS))
    everyone = [None] * world
    torch.distributed.all_gather_object(everyone, mine)
    merged = functools.reduce(FidelityCounter.merge, everyone)
    with open(f"{folder}/report{rank}.txt", "w") as file:
        file.write(str(merged.report()))
    torch.distributed.destroy_process_group()
