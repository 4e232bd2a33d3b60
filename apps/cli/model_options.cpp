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
  command.add_option("--device", device, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group(group);
}

void add_model_options(CLI::App& command, ModelRequest& model) {
  command
      .add_option(
          "--model", model.model,
          "Stable Diffusion 1.x, 2.x or XL: a diffusers folder, a single-file checkpoint, or ORG/NAME in the "
          "hub's cache [the miniature of forgedit]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Model");
  command.add_option("--vae", model.vae, "another VAE: a folder, a file, or a checkpoint that has one")
      ->type_name("DIR|FILE")
      ->group("Model");
  command
      .add_option("--tokenizer", model.tokenizer,
                  "folder with vocab.json and merges.txt, for a single file [beside it, the hub cache's, or "
                  "CLIP's published one]")
      ->type_name("DIR")
      ->group("Model");
  command
      .add_option("--config", model.config,
                  "diffusers folder with the settings of a single file that is no published size")
      ->type_name("DIR")
      ->group("Model");
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&](const std::vector<std::string>& texts) {
            model.loras.clear();
            for (const auto& text : texts) model.loras.push_back(parse_lora("lora", text));
          },
          "a LoRA that changes the model (kohya's, diffusers' or PEFT's names), with its strength [1]; may "
          "be "
          "repeated")
      ->type_name("FILE[:SCALE]")
      ->allow_extra_args(false)
      ->group("Model");
  command
      .add_option("--clip-skip", model.clip_skip,
                  "encode texts by the Nth last layer of the text encoders, 1 being the last one [1; Stable "
                  "Diffusion XL 2]")
      ->check(within(1, kMaxLayers))
      ->type_name("N")
      ->group("Model");
  add_device_option(command, model.device, "Model");
  command
      .add_option_function<std::string>(
          "--precision", [&](const std::string& text) { model.precision = parse_precision(text); },
          "fp32 or bf16 [bf16 on a GPU that has it, else fp32]")
      ->type_name("NAME")
      ->group("Model");
  command.add_flag("--plain", model.plain, "on a GPU: LibTorch's operators only, one by one")->group("Model");
  command.add_option("--threads", model.threads, "CPU threads [OMP_NUM_THREADS, or one a core]")
      ->check(within(1, kMaxThreads))
      ->type_name("N")
      ->group("Model");
}

void add_memory_option(CLI::App& command, ModelRequest& model) {
  command
      .add_option_function<std::string>(
          "--memory", [&](const std::string& text) { model.memory = parse_gib("memory", text); },
          "fit in this many GiB of GPU memory (8, 8GB, 6000MB), which the program then cannot exceed; on a "
          "CPU "
          "bounds what is planned for, by estimates [what is free]")
      ->type_name("GIB")
      ->group("Model");
}

void add_worker_options(CLI::App& command, WorkerCount& workers) {
  auto* gpus =
      command.add_option("--gpus", workers.gpus, "a worker process a GPU: all, how many, or which as 0,1")
          ->type_name("all|N|LIST")
          ->group("Work");
  command.add_option("--workers", workers.processes, "so many worker processes, which share the cores")
      ->check(within(1, kMaxWorkers))
      ->type_name("N")
      ->excludes(gpus)
      ->group("Work");
}

void add_score_options(CLI::App& command, ScoreFiles& files) {
  command
      .add_option("--clip", files.clip,
                  "CLIP model folder as transformers saves it, or ORG/NAME in the hub's cache [clip/ in the "
                  "model's folder, or OpenAI's in the hub's cache]")
      ->type_name("DIR")
      ->group("Scores");
  command
      .add_option("--lpips", files.lpips,
                  "LPIPS trunk (torchvision) and heads (lpips package): files, or a folder of safetensors")
      ->type_name("PATH...")
      ->group("Scores");
}

void say_which_model(const ModelRequest& model, JobListener& listener) {
  if (!model.model.empty()) return;
  listener.warning(
      "no --model given: using the bundled emoji demo model. For photos pass --model (Stable Diffusion 1.x, "
      "2.x or XL).");
}

}  // namespace forgedit::cli
