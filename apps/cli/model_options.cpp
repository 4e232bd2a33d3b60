#include "apps/cli/model_options.h"

#include <CLI/CLI.hpp>

#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kMaxWorkers = 64;
constexpr int kMaxLayers = 1000;

}  // namespace

void add_device_option(CLI::App& command, std::string& device, const char* group) {
  command.add_option("--device", device, "device: auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group(group);
}

void add_model_options(CLI::App& command, ModelRequest& model) {
  command
      .add_option("--model", model.model,
                  "Stable Diffusion 1.x, 2.x or XL: a diffusers folder, a single-file checkpoint, or "
                  "ORG/NAME in the Hugging Face cache [the miniature, a small demo model]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Model");
  command.add_option("--vae", model.vae, "another VAE: a folder, a file, or a checkpoint that contains one")
      ->type_name("DIR|FILE")
      ->group("Model");
  command
      .add_option(
          "--tokenizer", model.tokenizer,
          "tokenizer of a single-file model: a folder with vocab.json and merges.txt [beside the "
          "file, else in the Hugging Face cache, else the copy of CLIP's that ships with the program]")
      ->type_name("DIR")
      ->group("Model");
  command
      .add_option(
          "--config", model.config,
          "diffusers folder with the settings of a single-file model whose widths are not the published ones")
      ->type_name("DIR")
      ->group("Model");
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&](const std::vector<std::string>& texts) {
            model.loras.clear();
            for (const auto& text : texts) model.loras.push_back(parse_lora("lora", text));
          },
          "add a LoRA file (kohya, diffusers or PEFT names) to the model with STRENGTH [1]; may be repeated")
      ->type_name("FILE[:STRENGTH]")
      ->allow_extra_args(false)
      ->group("Model");
  command
      .add_option("--clip-skip", model.clip_skip,
                  "use the Nth last layer of the text encoders; 1 is the last one [1; XL: 2]")
      ->check(within(1, kMaxLayers))
      ->type_name("N")
      ->group("Model");
  add_device_option(command, model.device, "Model");
  command
      .add_option_function<std::string>(
          "--precision", [&](const std::string& text) { model.precision = parse_precision(text); },
          "fp32 or bf16 [bf16 on a GPU that supports it, else fp32]")
      ->type_name("NAME")
      ->group("Model");
  command
      .add_flag("--plain", model.plain,
                "on a GPU: no fused kernels and no CUDA graphs, only LibTorch's operators (for comparison)")
      ->group("Model");
  command
      .add_option("--threads", model.threads,
                  "CPU threads, at most one per core [OMP_NUM_THREADS, else one per core]")
      ->check(within(1, kMaxThreads))
      ->type_name("N")
      ->group("Model");
}

void add_memory_option(CLI::App& command, ModelRequest& model) {
  command
      .add_option_function<std::string>(
          "--memory", [&](const std::string& text) { model.memory = parse_gib("memory", text); },
          "limit of GPU memory: 8 and 8GB mean 8 GiB, 6000MB means 6000 MiB; a run never takes more. "
          "On a CPU only the estimates of the plan respect it [the free memory]")
      ->type_name("GIB")
      ->group("Model");
}

void add_worker_options(CLI::App& command, WorkerCount& workers) {
  auto* gpus = command
                   .add_option("--gpus", workers.gpus,
                               "one worker process per GPU: all GPUs, this many, or these (0,1)")
                   ->type_name("all|N|LIST")
                   ->group("Work");
  command.add_option("--workers", workers.processes, "number of worker processes, which share the CPU cores")
      ->check(within(1, kMaxWorkers))
      ->type_name("N")
      ->excludes(gpus)
      ->group("Work");
}

void add_score_options(CLI::App& command, ScoreFiles& files) {
  command
      .add_option("--clip", files.clip,
                  "CLIP model: a folder as transformers saves it, or ORG/NAME in the Hugging Face cache "
                  "[clip/ in the model folder, else OpenAI's in the cache]")
      ->type_name("DIR|ORG/NAME")
      ->group("Scores");
  command
      .add_option(
          "--lpips", files.lpips,
          "LPIPS weights: trunk (torchvision) and heads (lpips package), as files or a folder of safetensors")
      ->type_name("PATH")
      ->group("Scores");
}

void say_which_model(const ModelRequest& model, JobListener& listener) {
  if (!model.model.empty()) return;
  listener.warning(
      "no --model given: using the miniature, a small demo model for 3D emoji. For photos pass --model "
      "(Stable Diffusion 1.x, 2.x or XL).");
}

}  // namespace forgedit::cli
