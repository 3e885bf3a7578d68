import GuestScopeGuestMemory
import GuestScopeLinuxKernel

// The ring buffer of kernel/printk/printk_ringbuffer.h, since 5.10 (commit 896fbe20b4e2).

struct PrintkRingbuffer: KernelStruct {
  static let kernelName = "printk_ringbuffer"
  let descRing = Link<PrbDescRing>("desc_ring")
  let textDataRing = Link<PrbDataRing>("text_data_ring")
}

struct PrbDescRing: KernelStruct {
  static let kernelName = "prb_desc_ring"
  let countBits = Member<UInt32>("count_bits")
  let descs = Member<KernelVirtualAddress>("descs")
  let infos = Member<KernelVirtualAddress>("infos")
  let headID = Member<UInt64>("head_id.counter")
  let tailID = Member<UInt64>("tail_id.counter")
}

struct PrbDataRing: KernelStruct {
  static let kernelName = "prb_data_ring"
  let sizeBits = Member<UInt32>("size_bits")
  let data = Member<KernelVirtualAddress>("data")
}

struct PrbDesc: KernelStruct {
  static let kernelName = "prb_desc"
  let stateVar = Member<UInt64>("state_var.counter")
  let begin = Member<UInt64>("text_blk_lpos.begin")
  let next = Member<UInt64>("text_blk_lpos.next")
}

struct PrintkInfo: KernelStruct {
  static let kernelName = "printk_info"
  let seq = Member<UInt64>("seq")
  let tsNsec = Member<UInt64>("ts_nsec")
  let textLen = Member<UInt16>("text_len")
  let facility = Member<UInt8>("facility")
  let flags = Member<UInt8>("flags")
  let level = Member<UInt8>("level")
  let callerID = Member<UInt32>("caller_id")
}
