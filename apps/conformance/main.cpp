// Runs every fixture folder under a directory: see docs/conformance.md.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "apps/common/process_start.h"
#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"

namespace forgedit::conformance {
namespace {

namespace fs = std::filesystem;

struct Totals {
  int passed = 0, failed = 0, skipped = 0;
};

double relative_l2(const torch::Tensor& actual, const torch::Tensor& expected) {
  const double norm = expected.norm().item<double>();
  const double difference = (actual - expected).norm().item<double>();
  return norm > 0 ? difference / norm : difference;
}

double error_of(const torch::Tensor& computed, const torch::Tensor& reference, Comparison::Kind kind) {
  if (computed.sizes() != reference.sizes()) return INFINITY;
  if (reference.numel() == 0) return 0;
  const auto actual = computed.to(at::kCPU, at::kDouble), expected = reference.to(at::kDouble);
  switch (kind) {
    case Comparison::Kind::rel_l2:
      return relative_l2(actual, expected);
    case Comparison::Kind::max_abs:
      return (actual - expected).abs().max().item<double>();
    case Comparison::Kind::max_relative:
      return ((actual - expected).abs() / expected.abs().clamp_min(1e-12)).max().item<double>();
    case Comparison::Kind::equal:
      return static_cast<double>((actual != expected).sum().item<std::int64_t>());
  }
  return INFINITY;
}

void print_line(const char* verdict, const Case& fixture, const std::string& tensor, double error,
                double tolerance) {
  std::printf("%s %s %s %.3g %.3g\n", verdict, fixture.name.c_str(), tensor.c_str(), error, tolerance);
}

void run_case(const Case& fixture, double tolerance_factor, Totals& totals) {
  const auto op = ops().find(fixture.op());
  if (op == ops().end()) {
    std::printf("SKIP %s %s - -\n", fixture.name.c_str(), fixture.op().c_str());
    ++totals.skipped;
    return;
  }
  const auto outputs = op->second(fixture);
  // An op without out.safetensors (its reference is in case.json) gives differences that must be zero.
  const auto& names = fixture.out.empty() ? outputs.tensors : fixture.out;
  if (names.empty()) throw failure("nothing to compare: out.safetensors is missing or empty");
  for (const auto& [name, reference] : names) {
    auto comparison = Comparison{Comparison::Kind::rel_l2, fixture.number("rel_l2", 1e-5)};
    if (const auto own = outputs.comparisons.find(name); own != outputs.comparisons.end())
      comparison = own->second;
    comparison.tolerance *= tolerance_factor;
    const auto computed = outputs.tensors.find(name);
    const double error = computed == outputs.tensors.end() ? INFINITY
                         : fixture.out.empty()             ? computed->second.item<double>()
                                               : error_of(computed->second, reference, comparison.kind);
    const bool passed = error <= comparison.tolerance;  // false for NaN
    print_line(passed ? "PASS" : "FAIL", fixture, name, error, comparison.tolerance);
    ++(passed ? totals.passed : totals.failed);
  }
  for (const auto& [name, difference] : outputs.differences) {
    print_line(difference == 0 ? "PASS" : "FAIL", fixture, name, difference, 0);
    ++(difference == 0 ? totals.passed : totals.failed);
  }
}

int run(const fs::path& directory, const ComputePolicy& policy, double tolerance_factor) {
  if (!fs::is_directory(directory))
    throw usage_error(directory.string() + ": expected a directory of fixtures");
  std::vector<fs::path> folders;
  for (const auto& name : list_directory(directory)) {
    if (fs::exists(directory / name / "case.json")) folders.push_back(directory / name);
  }
  if (fs::exists(directory / "case.json")) folders.push_back(fs::absolute(directory).lexically_normal());
  if (folders.empty()) throw usage_error(directory.string() + ": no folder with a case.json");

  Totals totals;
  for (const auto& folder : folders) {
    try {
      run_case(read_case(folder, policy), tolerance_factor, totals);
    } catch (const std::exception& error) {
      std::printf("FAIL %s - - -\n", folder.filename().c_str());
      std::cerr << folder.filename().string() << ": " << error.what() << '\n';
      ++totals.failed;
    }
  }
  std::printf("%d passed, %d failed, %d skipped\n", totals.passed, totals.failed, totals.skipped);
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace forgedit::conformance

int main(int argc, char** argv) {
  forgedit::set_library_environment();
  forgedit::keep_freed_memory();
  CLI::App app{
      "Holds every numeric part of forgedit against reference tensors.\n"
      "One line a tensor: PASS|FAIL|SKIP <folder> <tensor> <error> <tolerance>."};
  std::string directory, device = "cpu";
  double factor = 1.0;
  app.add_option("DIR", directory, "directory of fixture folders (each with a case.json)")->required();
  app.add_option("--device", device, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--tolerance-factor", factor, "multiplies every tolerance but those of exact comparisons")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    const forgedit::ComputePolicy policy{forgedit::parse_device(device), forgedit::Precision::fp32};
    forgedit::prepare_compute(policy);
    return forgedit::conformance::run(directory, policy, factor);
  } catch (const forgedit::Error& error) {
    std::cerr << "forgedit_conformance: " << error.what() << '\n';
    return error.kind() == forgedit::ErrorKind::usage ? 2 : 1;
  }
}
