/// What the manual page says that no command's help does.
extension ManualPage {
  static let shortName = "bpftool for a Linux guest in QEMU that you cannot log in to"

  static let synopsis = [
    "[<options>] <command> [<arguments>]",
    "[<options>] -e <command> [-e <command>] ...",
    "[<options>] -f <file>",
    "[<options>]",
  ]

  static let statuses = [
    ("0", "Answered."),
    (
      "1",
      """
      There is no answer, or what was asked for is not there. Standard error says why; with \
      --json and --pretty standard output has {"error":"..."} as well.
      """
    ),
    (
      "2",
      """
      Answered in part: something in the guest could not be read, and standard error says what.
      """
    ),
    ("3", "check found something broken, or diff --exit-status a difference."),
    ("4", "check could not measure what it was asked for."),
    ("64", "The command line is wrong."),
    ("128+n", "Signal n has ended the program. A guest that it held goes on."),
  ]

  static let batchStatus = """
    Several commands (-e, -f, standard input) end at the first line that fails, with its status; with \
    --keep-going they go on, and end with the worst.
    """

  static let environment = [
    ("GUESTSCOPE_CONNECT", "The guest that commands ask, as -c names it, where there is no -c."),
    ("GUESTSCOPE_KERNEL", "The guest's kernel, as -k names it, where there is no -k."),
    (
      "GUESTSCOPE_OPTIONS",
      "Options that all commands have, which stand before those of the command line."
    ),
    (
      "PAGER", "What shows a long answer at the prompt; less without it, nothing where it is empty."
    ),
    ("COLUMNS", "How wide tables may be on a terminal."),
    (
      "XDG_CACHE_HOME",
      "The folder of what is kept of kernels and guests between runs; ~/.cache without it."
    ),
    ("XDG_STATE_HOME", "The folder of the history of the prompt; ~/.local/state without it."),
    ("HOME", "Where both of these are that are not set. Without any of them nothing is kept."),
    ("NO_COLOR", "Not empty: no colours."),
    ("TERM", "dumb: neither colours nor a line that says how far the work is."),
  ]

  static let files = [
    (
      "~/.cache/guestscope",
      """
      Kernels and guests that are known from earlier runs, up to 256 MiB. What is read from there is \
      proved by the guest's memory before it is used. guestscope cache list shows it, guestscope \
      cache clear removes it.
      """
    ),
    ("~/.local/state/guestscope/history", "The lines that were typed at the prompt."),
  ]

  static let examples = [
    (
      "What a guest has loaded whose QEMU was started with -s:", ["guestscope prog list"]
    ),
    (
      "Its struct_ops programs: how often each ran, and for how long:",
      ["guestscope -c 127.0.0.1:1234 prog stats"]
    ),
    (
      "Several questions, with one connection, as JSON for a program:",
      ["guestscope -c unix:/run/guest.gdb -j -e 'prog list' -e 'map list type hash'"]
    ),
    (
      "A script that has just started QEMU waits for the scheduler of its guest:",
      ["guestscope --wait 60 --wait-for 'my_sched*' prog stats"]
    ),
    (
      "Why a guest hangs or died: the whole report as a folder of files:",
      ["guestscope report --dir report"]
    ),
    (
      "Which guests run on this host, and one of them by its name:",
      ["guestscope guests", "guestscope -c guest:web1 task list --stuck 10"]
    ),
    (
      "The same of every guest of this host, as an object with one member per guest:",
      ["guestscope -c all -j task list --stuck 10"]
    ),
  ]

  static let related = [
    ("bpftool", "8"), ("gdb", "1"), ("qemu-system-x86_64", "1"), ("virsh", "1"),
  ]
}
