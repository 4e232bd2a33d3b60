/* Runs one request and prints its events: run_request OPTIONS.json REQUEST.json. Ctrl-C stops it, and keeps
 * what is finished. Exit codes are those of forgedit_status. */
#include <forgedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static forgedit_engine *engine;

static void stop(int signal) {
  (void)signal;
  forgedit_stop(engine);
}

static void print_event(const char *event, void *user_data) {
  FILE *out = user_data;
  fprintf(out, "%s\n", event);
  fflush(out);
}

/* The text of a file; ends the program where it cannot be read. */
static char *read_text(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = calloc(1, 1 << 20);
  if (!file || !text) {
    perror(path);
    exit(FORGEDIT_FAILURE);
  }
  fread(text, 1, (1 << 20) - 1, file);
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "Usage: run_request OPTIONS.json REQUEST.json\n");
    return FORGEDIT_USAGE;
  }
  char *options = read_text(argv[1]), *request = read_text(argv[2]);
  engine = forgedit_open(FORGEDIT_API_VERSION, options);
  if (!engine) {
    fprintf(stderr, "run_request: %s\n", forgedit_last_error(NULL));
    return FORGEDIT_FAILURE;
  }
  signal(SIGINT, stop);
  int status = forgedit_run(engine, request, print_event, stdout);
  if (status != FORGEDIT_OK) fprintf(stderr, "run_request: %s\n", forgedit_last_error(engine));
  signal(SIGINT, SIG_DFL);
  forgedit_close(engine);
  free(options);
  free(request);
  return status;
}
