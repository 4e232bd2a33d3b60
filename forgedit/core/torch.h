#pragma once

// The parts of LibTorch that most files use: tensors, modules and autograd. <torch/torch.h> takes twice as
// long to compile. Its other parts (optimisers, layers) are included where they are used.
#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/types.h>
#include <torch/utils.h>
