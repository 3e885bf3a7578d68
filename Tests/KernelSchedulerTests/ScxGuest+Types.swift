import TestSupport

extension KernelTypes {
  /// What sched_ext has: since 6.18 a `struct scx_sched`, or up to 6.15 variables.
  static func schedExt(hasScheds: Bool) -> KernelTypes {
    var types = KernelTypes.kernel(.linux6)
    types.declareBasics()
    types.declareScxEnums(hasScheds: hasScheds)
    types.declareScxStructs()
    if hasScheds { types.declareScxSched() }
    types.declareTaskAndQueue()
    return types
  }

  private mutating func declareBasics() {
    declare("atomic_t", size: 4, [("counter", 0, .u32)])
    declare("atomic64_t", size: 8, [("counter", 0, .u64)])
    declare("static_key", size: 16, [("enabled", 0, .structure("atomic_t"))])
    if !has("list_head.next") {
      declare("list_head", size: 16, [("next", 0, .pointer), ("prev", 8, .pointer)])
    }
    declare("hlist_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    declare("hlist_head", size: 8, [("first", 0, .pointer)])
    declare("pid", size: 64, [("tasks", 16, .structures("hlist_head", 4))])
    declare("pid_namespace", size: 64, [("idr", 0, .structure("idr"))])
    declare("rhash_head", size: 8, [("next", 0, .pointer)])
    declare(
      "bucket_table", size: 64,
      [
        ("size", 0, .u32), ("nest", 4, .u32), ("future_tbl", 48, .pointer),
        ("buckets", 64, .pointers(0)),
      ])
    declare(
      "rhashtable", size: 64,
      [("tbl", 0, .pointerTo("bucket_table")), ("nelems", 56, .structure("atomic_t"))])
  }

  private mutating func declareScxEnums(hasScheds: Bool) {
    declare(
      enum: "scx_exit_kind",
      [
        "SCX_EXIT_NONE": 0, "SCX_EXIT_DONE": 1, "SCX_EXIT_UNREG_BPF": 65, "SCX_EXIT_ERROR": 1024,
        "SCX_EXIT_ERROR_STALL": 1026,
      ])
    declare(enum: "scx_exit_flags", ["SCX_EFLAG_INITIALIZED": 1])
    declare(
      enum: "scx_ops_flags",
      ["SCX_OPS_ENQ_LAST": 2, "SCX_OPS_SWITCH_PARTIAL": 8, "SCX_OPS_ALL_FLAGS": 10])
    declare(enum: "scx_rq_flags", ["SCX_RQ_ONLINE": 1, "SCX_RQ_IN_WAKEUP": 1 << 16])
    declare(
      enum: "scx_ops_state",
      ["SCX_OPSS_NONE": 0, "SCX_OPSS_QUEUED": 2, "SCX_OPSS_QSEQ_SHIFT": 2])
    declare(enum: "scx_consts", ["SCX_WATCHDOG_MAX_TIMEOUT": 7500])
    let flags: KeyValuePairs<String, UInt32> = [
      "SCX_TASK_QUEUED": 1, "SCX_TASK_RESET_RUNNABLE_AT": 4, "SCX_TASK_STATE_SHIFT": 8,
      "SCX_TASK_STATE_BITS": 2, "SCX_TASK_STATE_MASK": 0x300, "SCX_TASK_CURSOR": 1 << 31,
    ]
    guard hasScheds else {
      declare(enum: "scx_ent_flags", flags)
      declare(
        enum: "scx_task_state",
        ["SCX_TASK_NONE": 0, "SCX_TASK_INIT": 1, "SCX_TASK_READY": 2, "SCX_TASK_ENABLED": 3])
      declare(enum: "scx_ops_enable_state", ["SCX_OPS_ENABLING": 0, "SCX_OPS_ENABLED": 1])
      return
    }
    // As of 7.2: the states are among the flags.
    declare(
      enum: "scx_ent_flags",
      [
        "SCX_TASK_QUEUED": 1, "SCX_TASK_RESET_RUNNABLE_AT": 4, "SCX_TASK_STATE_SHIFT": 8,
        "SCX_TASK_STATE_BITS": 3, "SCX_TASK_STATE_MASK": 0x700, "SCX_TASK_NONE": 0,
        "SCX_TASK_INIT": 0x200, "SCX_TASK_READY": 0x300, "SCX_TASK_ENABLED": 0x400,
        "SCX_TASK_REENQ_REASON_SHIFT": 12, "SCX_TASK_REENQ_REASON_MASK": 0x3000,
        "SCX_TASK_REENQ_NONE": 0, "SCX_TASK_REENQ_KFUNC": 0x1000, "SCX_TASK_CURSOR": 1 << 31,
      ])
    declare(enum: "scx_enable_state", ["SCX_ENABLING": 0, "SCX_ENABLED": 1])
  }

  private mutating func declareScxStructs() {
    declare(
      "sched_ext_ops", size: 256,
      [
        ("flags", 0, .u64), ("timeout_ms", 8, .u32), ("exit_dump_len", 12, .u32),
        ("name", 16, .bytes(128)),
      ])
    declare(
      "scx_exit_info", size: 64,
      [
        ("kind", 0, .u32), ("exit_code", 8, .u64), ("flags", 16, .u64), ("reason", 24, .pointer),
        ("bt", 32, .pointer), ("bt_len", 40, .u32), ("msg", 48, .pointer), ("dump", 56, .pointer),
      ])
    declare(
      "scx_event_stats", size: 16, [("SCX_EV_FALLBACK", 0, .u64), ("SCX_EV_KEEP_LAST", 8, .u64)])
    declare(
      "scx_dsq_list_node", size: 24, [("node", 0, .structure("list_head")), ("flags", 16, .u32)])
    declare(
      "scx_dispatch_q", size: 64,
      [
        ("list", 8, .structure("list_head")), ("nr", 32, .u32), ("seq", 36, .u32), ("id", 40, .u64),
        ("hash_node", 48, .structure("rhash_head")),
      ])
  }

  private mutating func declareScxSched() {
    declare("scx_sched_pnode", size: 64, [("global_dsq", 0, .structure("scx_dispatch_q"))])
    // As of 7.1.
    declare(
      "scx_sched_pcpu", size: 32,
      [("flags", 8, .u64), ("event_stats", 16, .structure("scx_event_stats"))])
    declare(enum: "scx_sched_pcpu_flags", ["SCX_SCHED_PCPU_BYPASSING": 1])
    declare(
      "scx_sched", size: 512,
      [
        ("ops", 0, .structure("sched_ext_ops")), ("dsq_hash", 256, .structure("rhashtable")),
        ("pnode", 320, .pointer), ("pcpu", 328, .pointerTo("scx_sched_pcpu")),
        ("bypass_depth", 336, .u32), ("aborting", 340, .u8), ("level", 344, .u32),
        ("cgrp_path", 352, .pointer), ("exit_kind", 360, .structure("atomic_t")),
        ("exit_info", 368, .pointerTo("scx_exit_info")),
      ])
  }

  private mutating func declareTaskAndQueue() {
    declare(
      "sched_ext_entity", size: 192,
      [
        ("dsq", 0, .pointerTo("scx_dispatch_q")), ("dsq_list", 8, .structure("scx_dsq_list_node")),
        ("dsq_flags", 64, .u32), ("flags", 68, .u32), ("weight", 72, .u32),
        ("sticky_cpu", 76, .u32), ("holding_cpu", 80, .u32),
        ("ops_state", 88, .structure("atomic64_t")),
        ("runnable_node", 96, .structure("list_head")), ("runnable_at", 112, .u64),
        ("slice", 120, .u64), ("dsq_vtime", 128, .u64),
      ])
    declare("thread_info", size: 24, [("cpu", 20, .u32)])
    declare(
      "task_struct", size: 512,
      [
        ("thread_info", 0, .structure("thread_info")), ("sched_class", 128, .pointer),
        ("pid", 140, .u32), ("pid_links", 160, .structures("hlist_node", 4)),
        ("comm", 232, .bytes(16)), ("scx", 256, .structure("sched_ext_entity")),
      ])
    declare(
      "scx_rq", size: 160,
      [
        ("local_dsq", 0, .structure("scx_dispatch_q")),
        ("runnable_list", 64, .structure("list_head")), ("nr_running", 80, .u32),
        ("flags", 84, .u32), ("cpu_released", 88, .u8),
      ])
    declare(
      "rq", size: 256,
      [
        ("clock", 8, .u64), ("curr", 16, .pointerTo("task_struct")),
        ("scx", 64, .structure("scx_rq")),
      ])
  }
}
