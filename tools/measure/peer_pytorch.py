"""Times what PyTorch users have: fine-tuning on one picture and generating with the UNet of Stable Diffusion 1.4 or XL.

Random weights (speed does not depend on values), by diffusers, bf16 autocast, channels-last, fused Adam; then the same under
torch.compile. Fine-tuning: 40 Adam steps over 10 samples, down_blocks[1:] and up_blocks[1:], and the embedding; with fewer
samples at once (MICRO_BATCH) as `forgedit bench --memory` does it, that is with gradient checkpointing. Picture: DDIM,
guidance, the pair as one batch.

usage: peer_pytorch.py sd14|sdxl MICRO_BATCH STEPS_OF_A_PICTURE WAY[:learn|:picture] ...
WAY: eager, compiled, or graphs (compiled, with CUDA graphs also for fine-tuning). DIFFUSERS_SRC: where diffusers' src folder
lies, when it is not installed. OUT: folder for peer_FAMILY.json.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.environ.get("DIFFUSERS_SRC", ""))
import torch
import torch.nn.functional as F
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

FAMILIES = {
    "sd14": {
        "side": 64, "width": 768, "batches": (1, 8),
        "geometry": dict(
            cross_attention_dim=768, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, attention_head_dim=8,
            down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3)},
    "sdxl": {
        "side": 128, "width": 2048, "pooled": 1280, "batches": (1,),
        "geometry": dict(
            cross_attention_dim=2048, block_out_channels=(320, 640, 1280), layers_per_block=2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=(5, 10, 20), transformer_layers_per_block=(1, 2, 10), use_linear_projection=True,
            addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816)},
}
NAME, MICRO_BATCH, PICTURE_STEPS, WAYS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
FAMILY = FAMILIES[NAME]
SIDE, WIDTH, POOLED = FAMILY["side"], FAMILY["width"], FAMILY.get("pooled")
BATCH, STEPS = 10, 40
CUDA = torch.device("cuda")
results = {"torch": torch.__version__, "gpu": torch.cuda.get_device_name(), "micro_batch": MICRO_BATCH}


def note(key, value):
    results[key] = value
    print(key, "=", value, flush=True)
    with open(os.path.join(os.environ.get("OUT", "."), f"peer_{NAME}.json"), "w") as file:
        json.dump(results, file, indent=1)


def make_unet():
    torch.manual_seed(0)
    with torch.device(CUDA):
        return UNet2DConditionModel(sample_size=SIDE, **FAMILY["geometry"])


schedule = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                         set_alpha_to_one=False)
TIME_IDS = torch.tensor([[1024.0, 1024, 0, 0, 1024, 1024]], device=CUDA)


def conditions(pooled, rows):
    """What XL's UNet gets beside the tokens."""
    if pooled is None:
        return {}
    return {"added_cond_kwargs": {"text_embeds": pooled.expand(rows, -1), "time_ids": TIME_IDS.repeat(rows, 1)}}


def learn(unet, forward):
    """One step of 10 samples, as a function."""
    unet.train()
    learned = []
    for name, parameter in unet.named_parameters():
        block = name.startswith(("down_blocks.", "up_blocks."))
        parameter.requires_grad = block and not name.startswith(("down_blocks.0.", "up_blocks.0."))
        if parameter.requires_grad:
            learned.append(parameter)
    tokens = torch.nn.Parameter(torch.randn(1, 77, WIDTH, device=CUDA))
    pooled = torch.nn.Parameter(torch.randn(1, POOLED, device=CUDA)) if POOLED else None
    embedding = [tokens] if pooled is None else [tokens, pooled]
    adam = torch.optim.Adam([{"params": learned, "lr": 6e-5}, {"params": embedding, "lr": 1e-3}], fused=True)
    latents = torch.randn(1, 4, SIDE, SIDE, device=CUDA) * 0.13

    def step():
        for _ in range(BATCH // MICRO_BATCH):
            noise = torch.randn(MICRO_BATCH, 4, SIDE, SIDE, device=CUDA)
            timesteps = torch.randint(1000, (MICRO_BATCH,), device=CUDA)
            noisy = schedule.add_noise(latents.expand_as(noise), noise, timesteps)
            with torch.autocast("cuda", torch.bfloat16):
                predicted = forward(noisy.to(memory_format=torch.channels_last), timesteps,
                                    tokens.repeat(MICRO_BATCH, 1, 1), **conditions(pooled, MICRO_BATCH)).sample
            (F.mse_loss(predicted.float(), noise) * MICRO_BATCH / BATCH).backward()
        adam.step()
        adam.zero_grad()

    return step


def time_learning(name, unet, forward):
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    step = learn(unet, forward)
    start = time.time()
    for _ in range(3):  # CUDA graphs are recorded in the second
        step()
    torch.cuda.synchronize()
    note(name + "_first_three_steps_s", round(time.time() - start, 2))
    start = time.time()
    for _ in range(STEPS):
        step()
    torch.cuda.synchronize()
    note(name + "_learn_s", round(time.time() - start, 3))
    note(name + "_peak_gib", round(torch.cuda.max_memory_allocated() / 2**30, 1))


@torch.no_grad()
def draw(forward, batch):
    tokens = torch.randn(2 * batch, 77, WIDTH, device=CUDA, dtype=torch.bfloat16)
    pooled = torch.randn(1, POOLED, device=CUDA, dtype=torch.bfloat16) if POOLED else None
    latents = torch.randn(batch, 4, SIDE, SIDE, device=CUDA, dtype=torch.bfloat16)
    schedule.set_timesteps(PICTURE_STEPS)
    for timestep in schedule.timesteps.to(CUDA):
        pair = torch.cat([latents] * 2).to(memory_format=torch.channels_last)
        without, with_text = forward(pair, timestep, tokens, **conditions(pooled, 2 * batch)).sample.chunk(2)
        latents = schedule.step(without + 7.5 * (with_text - without), timestep, latents).prev_sample


def time_picture(name, forward, batch):
    start = time.time()
    for _ in range(2):
        draw(forward, batch)
    torch.cuda.synchronize()
    note(f"{name}_first_two_b{batch}_s", round(time.time() - start, 2))
    start = time.time()
    draw(forward, batch)
    torch.cuda.synchronize()
    note(f"{name}_picture_b{batch}_s_per_image", round((time.time() - start) / batch, 4))


torch.backends.cudnn.benchmark = True
for choice in WAYS:
    way, _, part = choice.partition(":")
    unet = make_unet().to(memory_format=torch.channels_last)
    mode = {"eager": None, "compiled": "default", "graphs": "reduce-overhead"}[way]
    if part != "picture":
        if MICRO_BATCH < BATCH:
            unet.enable_gradient_checkpointing()
        time_learning(way, unet, torch.compile(unet, dynamic=False, mode=mode) if mode else unet)
        unet.zero_grad(set_to_none=True)
        torch._dynamo.reset()
        unet.disable_gradient_checkpointing()
    if part != "learn":
        unet = unet.to(torch.bfloat16).eval().requires_grad_(False)
        for batch in FAMILY["batches"]:
            time_picture(way, torch.compile(unet, dynamic=False, mode="reduce-overhead") if mode else unet, batch)
            torch._dynamo.reset()
    del unet
