import ArgumentParser
import Foundation
import Testing

@testable import Commands

extension LiveTests {
  /// What every command answers, and how batches of them run.
  @Suite(.timeLimit(.minutes(5))) final class TranscriptTests {
    private let guest = LiveGuest("x86-6.1")
    private let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("gs-\(UUID().uuidString)")

    init() throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func file(_ name: String, _ text: String) throws -> String {
      let path = folder.appendingPathComponent(name).path
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      return path
    }

    // MARK: Every command

    private static let guestCommands = Transcript(
      """
      > prog list name reno_init
      ID  TYPE        NAME       TAG               RUN_TIME  RUN_CNT  NS/CALL  MISSES  VERIFIED  XLATED  JITED  MAPS  FOR
       {prog reno_init id}  struct_ops  reno_init  {prog reno_init tag} {text} {prog reno_init run_cnt} {n}.{n} {n} {prog reno_init verified_insns} {prog reno_init bytes_xlated} {prog reno_init bytes_jited}  -  tcp_congestion_ops.init
      > -j prog show name reno_release
      [{"id":{prog reno_release id},"type":"struct_ops","name":"reno_release","tag":"{prog reno_release tag}","gpl_compatible":true,"run_time_ns":{prog reno_release run_time_ns},"run_cnt":{prog reno_release run_cnt},"recursion_misses":0,"verified_insns":{prog reno_release verified_insns},"loaded_at":{prog reno_release loaded_at},"uid":0,"orphaned":false,"bytes_xlated":{prog reno_release bytes_xlated},"jited":true,"bytes_jited":{prog reno_release bytes_jited},"bytes_memlock":4096,"map_ids":[],"btf_id":{prog reno_release btf_id},"struct_ops":"tcp_congestion_ops","member":"release","attach":null}]
      > prog name no_such_*
      > prog name no_such_* -j
      {"error":"the guest has no program with name no_such_*"}
      > prog verifier type kprobe
      NAME         VERIFIED_INSNS
      kprobe_sync {prog kprobe_sync verified_insns}
      > prog verifier -j type kprobe
      [{"name":"kprobe_sync","verified_insns":{prog kprobe_sync verified_insns}}]
      > prog stats type kprobe
      kprobe_sync: cnt={prog kprobe_sync run_cnt} nsecs={prog kprobe_sync run_time_ns} misses=0 ns/call={n}.{n} id={prog kprobe_sync id} type=kprobe
      > prog stats id {prog kprobe_sync id} name reno_init --ids -j
      [{"name":"reno_init","id":{prog reno_init id},"type":"struct_ops","cnt":{prog reno_init run_cnt},"nsecs":{prog reno_init run_time_ns},"misses":0},{"name":"kprobe_sync","id":{prog kprobe_sync id},"type":"kprobe","cnt":{prog kprobe_sync run_cnt},"nsecs":{prog kprobe_sync run_time_ns},"misses":0}]
      > prog watch --count 2 -n 0.05 name reno_init
      (rates follow with the second sample)
      PROGRAM  CALLS/S  NS/CALL  CPU%  MISSES/S
      (1 program did not run)
      > watch --count 2 -n 0.05 prog verifier name reno_init
      (rates follow with the second sample)
      (nothing changes)
      > check --max-verified-insns 1000000 --max-miss-rate 1
      > prog verifier --ids name reno_init
      NAME       ID  TYPE        VERIFIED_INSNS
      reno_init {prog reno_init id}  struct_ops {prog reno_init verified_insns}
      > prog stats type kprobe --per-cpu
      kprobe_sync: cnt={prog kprobe_sync run_cnt} nsecs={prog kprobe_sync run_time_ns} misses=0 ns/call={n}.{n} id={prog kprobe_sync id} type=kprobe
        cpu 0: cnt={n} nsecs={n} misses=0{text}
        cpu 1: cnt={n} nsecs={n} misses=0{text}
      > prog dump xlated name reno_init
      void reno_init(unsigned long long * ctx):
      ; void BPF_PROG(reno_init, struct sock *sk) { tcp_sk(sk)->snd_cwnd_cnt = 0; }
         0: (79) r1 = *(u64 *)(r1 +0)
         1: (b4) w2 = 0
      ; void BPF_PROG(reno_init, struct sock *sk) { tcp_sk(sk)->snd_cwnd_cnt = 0; }
         2: (63) *(u32 *)(r1 +{n}) = r2
      ; void BPF_PROG(reno_init, struct sock *sk) { tcp_sk(sk)->snd_cwnd_cnt = 0; }
         3: (95) exit
      > -j prog dump xlated name reno_release opcodes
      [{"proto":"void reno_release(unsigned long long * ctx)","src":"void BPF_PROG(reno_release, struct sock *sk) {}","disasm":"(95) exit","opcodes":{"code":"0x95","src_reg":"0x0","dst_reg":"0x0","off":["0x00","0x00"],"imm":["0x00","0x00","0x00","0x00"]}}]
      > prog dump xlated id {prog reno_release id},{prog tiny_other_user id}
      {prog reno_release id}: struct_ops  name reno_release  tag {prog reno_release tag}  gpl run_time_ns {prog reno_release run_time_ns} run_cnt {prog reno_release run_cnt}
      void reno_release(unsigned long long * ctx):
      ; void BPF_PROG(reno_release, struct sock *sk) {}
         0: (95) exit

      {prog tiny_other_user id}: socket_filter  name tiny_other_user  tag {prog tiny_other_user tag}  gpl
         0: (b7) r0 = 0
         1: (95) exit
      > prog dump jited name reno_release opcodes
      void reno_release(unsigned long long * ctx):
      bpf_prog_{prog reno_release tag}_reno_release:
      ; void BPF_PROG(reno_release, struct sock *sk) {}
         0:  nopl    (%rax, %rax)
             0f 1f 44 00 00
      {lines}
         8:  movq    %rsp, %rbp
             48 89 e5
      {lines}
      > -j prog dump jited name reno_release
      [{"proto":"void reno_release(unsigned long long * ctx)","name":"bpf_prog_{prog reno_release tag}_reno_release","insns":[{"src":"void BPF_PROG(reno_release, struct sock *sk) {}","pc":"0x0","operation":"nopl","operands":["%rax","%rax"]},{text}]}]
      > map list name lengths
      ID  TYPE  NAME     FLAGS  KEY  VALUE  MAX_ENTRIES  MEMLOCK  FROZEN  BTF
      {map lengths id}  hash  lengths  0x0  4  8  64  {map lengths bytes_memlock}  no  {map lengths btf_id}
      > map list name lengths name odd_array --sort -name --columns name,bytes_key,uid
      > map list name lengths name odd_array --sort -name --columns name,bytes_key
      NAME       KEY
      odd_array    4
      lengths      4
      > map list name lengths name odd_array --sort name --limit 1 --columns name,type
      NAME     TYPE
      lengths  hash
      > prog stats type kprobe --sort -cnt --limit 1
      kprobe_sync: cnt={prog kprobe_sync run_cnt}{text}
      > map list name lengths | tr a-z A-Z | tail -1
      {text}LENGTHS{text}
      > -j map show name programs type prog_array
      [{"id":{map programs id},"type":"prog_array","name":"programs","flags":0,"bytes_key":4,"bytes_value":4,"max_entries":2000,"bytes_memlock":16384,"frozen":0,"btf_id":0,"owner_prog_type":"socket_filter","owner_jited":true}]
      > map id {map lengths id} -j
      [{"id":{map lengths id},"type":"hash","name":"lengths","flags":0,"bytes_key":4,"bytes_value":8,"max_entries":64,"bytes_memlock":{map lengths bytes_memlock},"frozen":0,"btf_id":{map lengths btf_id}}]
      > map dump name odd_array --limit 1
      key: 00 00 00 00  value: 01 08 0f 16 1d 24 2b 32 39 40 47 4e 55
      Found 1 element
      > -j map dump id {map odd_array id} --offset 1 --limit 1
      [{"key":["0x01","0x00","0x00","0x00"],"value":["0x20","0x27","0x2e","0x35","0x3c","0x43","0x4a","0x51","0x58","0x5f","0x66","0x6d","0x74"]}]
      > map lookup id {map odd_array id} key hex 01 00 00 00
      key: 01 00 00 00  value: 20 27 2e 35 3c 43 4a 51 58 5f 66 6d 74
      > -j map lookup id {map odd_array id} key 1 0 0 0
      {"key":["0x01","0x00","0x00","0x00"],"value":["0x20","0x27","0x2e","0x35","0x3c","0x43","0x4a","0x51","0x58","0x5f","0x66","0x6d","0x74"]}
      > -j map lookup id {map odd_array id} key 1 0 0 9
      {"error":"map {map odd_array id} has no entry with the key 01 00 00 09"}
      > link list type raw_tracepoint
      ID  TYPE            PROG  ATTACHED TO
       {n}  raw_tracepoint    {prog raw_tp_probe id}  tp_name=tcp_probe cookie=-
      > -j link show type raw_tracepoint
      [{"id":{n},"type":"raw_tracepoint","prog_id":{prog raw_tp_probe id},"tp_name":"tcp_probe","cookie":null}]
      > module list
      {lines}
      > task show 1
      pid                   1
      tgid                  1
      ppid                  0
      state                 S
      {lines}
      > task list -j --stuck 100000
      []
      > task stack 2
      kthreadd (pid 2) in S
        __schedule+0x{hex}
        schedule+0x{hex}
        kthreadd+0x{hex}
        ret_from_fork{text}
      > task stack 2 -j
      [{"cpu":{n},"mode":"kernel","pid":2,"comm":"kthreadd","name":"kthreadd","state":"S","frames":[{"address":"0x{hex}","symbol":"__schedule","offset":{n},"module":null,"reliable":true,"stack":"task","source":null},{text}],"end":"outermost","reason":null}]
      > task stack --cpu 0
      CPU 0: idle
      {lines}
        cpu_startup_entry+0x{hex}
      {lines}
      > scx show -j
      {"error":"{text}has no sched_ext (CONFIG_SCHED_CLASS_EXT, since 6.12)"}
      > scx exit -j
      {"error":"{text}has no sched_ext (CONFIG_SCHED_CLASS_EXT, since 6.12)"}
      > scx dump -j
      {"error":"{text}has no sched_ext (CONFIG_SCHED_CLASS_EXT, since 6.12)"}
      > runqueue
      CPU  {text}
      {lines}
      PRESSURE  {text}
      {lines}
      > dmesg --level emerg
      [{text}] gs: an emergency
      > dmesg -j --level 0
      [{"seq":{n},"time_ns":{n},"level":0,"facility":1,"caller":"T{n}","text":"gs: an emergency","continues":false,"final":true}]
      > btf list name vmlinux -j
      [{"id":1,"size":{n},"prog_ids":[],"map_ids":[],"kernel":true,"name":"vmlinux"}]
      > btf dump id {prog recurse btf_id}
      [1] PTR '(anon)' type_id=3
      [2] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED
      {lines}
      [17] DATASEC '.maps' size=32 vlen=1
              type_id=9 offset=0 size=32 (VAR 'recursed')
      {lines}
      > -j btf dump id {prog recurse btf_id}
      {"types":[{"id":1,"kind":"PTR","name":"(anon)","type_id":3},{text}]}
      > btf dump id {prog recurse btf_id} format c
      {lines}
      typedef unsigned int __u32;
      {lines}
      > struct_ops list name gs_reno
      ID  NAME     STRUCT
       {map gs_reno id}  gs_reno  tcp_congestion_ops
      > struct_ops dump name gs_idle
      {map gs_idle id}: gs_idle  tcp_congestion_ops  INUSE, attached without a link
        ssthresh = program {prog idle_ssthresh id} idle_ssthresh
        cong_avoid = program {prog idle_cong_avoid id} idle_cong_avoid
      {lines}
        not set: in_ack_event, pkts_acked, min_tso_segs, cong_control, get_info, release
      > var sample_total
      sample_total = -5
      > var samples[1]
      samples[1] = {
        cnt = 2
        mood = MOOD_GOOD (3)
        low = 0
        high = 0
        ready = true
        label = "0123456789"
        wide = 8589934595
        halves = {3, 2}
      }
      > var samples[0] -j
      [{"map_id":{n},"map":"globals.data","name":"samples[0]","value":{"cnt":1,"mood":"MOOD_BAD","low":"0x5","high":"0x1e","ready":false,"label":"first","":{"wide":1,"halves":[1,0]}}}]
      > -j var samples[1].label
      [{"map_id":{n},"map":"globals.data","name":"samples[1].label","value":[48,49,50,51,52,53,54,55,56,57]}]
      > var sample_[st]*
      globals.rodata (map {n}): sample_title = "a \\"title\\""
      globals.data (map {n}): sample_total = -5
      globals.data (map {n}): sample_small = 65535
      globals.data (map {n}): sample_tiny = -128
      > var syncer->comm
      syncer.comm = {text}
      > map name no_such_* -j
      {"error":"the guest has no map with name no_such_*"}
      > cgroup tree /sys/fs/cgroup
      CGROUP
           ID  ATTACH_TYPE  FLAGS  NAME  FOR
      /sys/fs/cgroup
          {prog count_ingress id}  cgroup_inet_ingress  multi  count_ingress  -
          {prog count_packets_l id}  cgroup_inet_egress  multi  count_packets_leaving_the_cgroup  -
      {lines}
      > cgroup show / effective
      ID  ATTACH_TYPE  NAME  FOR
      {prog count_ingress id}  cgroup_inet_ingress  count_ingress  -
      {lines}
      > -j cgroup show /sys/fs/cgroup
      [{"id":{prog count_ingress id},"attach_type":"cgroup_inet_ingress","attach_flags":"multi","name":"count_ingress","attach_btf_obj_id":0,"attach_btf_id":0},{"id":{prog count_packets_l id},"attach_type":"cgroup_inet_egress","attach_flags":"multi","name":"count_packets_leaving_the_cgroup","attach_btf_obj_id":0,"attach_btf_id":0}{text}
      > net list
      xdp:
      {lines}
      > -j net
      [{"xdp":[{text}
      > perf list
      PID  COMM  FD  PROG  TYPE  EVENT
       {n}  loader  {n}  {prog kprobe_sync id}  kprobe  ksys_sync
       {n}  loader  {n}  {prog tp_sock_state id}  tracepoint  inet_sock_set_state
       {n}  loader  {n}  {prog raw_tp_probe id}  raw_tracepoint  tcp_probe
      {lines}
      > report
      kernel: {kernel banner}
      guest: running, {kernel cpus} CPUs
      CPU 0: {text}
      CPU 1: {text}
      tasks: {n}, none stuck for 10 s
      maps: {n}
      answer: from {n} stops ({n} for log and programs, {n} for tasks, {n} for maps)
      prog_runtime_stats:
      reno_init: cnt={prog reno_init run_cnt} nsecs={prog reno_init run_time_ns} misses=0{text}
      {lines}
      prog_verifier_stats:
      reno_init: verified_insns={prog reno_init verified_insns}
      {lines}
      log:
      {lines}
      > info
      stub             {text}
      run_state        running
      architecture     i386:x86-64
      cpus             {kernel cpus}
      ram_bytes        1073524736
      release          {kernel release}
      banner           {kernel banner}
      text_base        0x{symbol _text}
      kaslr_offset     0x{hex}
      phys_base        0x{value phys_base}
      page_offset      0x{value page_offset_base}
      paging           x86-64 4-level
      page_table_root  0x{hex}
      nr_cpu_ids       {kernel nr_cpu_ids}
      build_id         {text}
      kernel_file      {text}/kernel
      symbols          {n} from vmlinuz{text}
      btf              {n} types from vmlinuz{text}
      checked          the guest's kernel has the same build-id
      bpf_stats_enabled  true
      panic_cpu        -
      crash_kernel     false
      vcpus            0, 1: in this kernel
      """)

    private static let exploring = Transcript(
      """
      > print uts_namespace init_uts_ns .name
      {
        sysname = "Linux"
        nodename = "(none)"
        release = "{kernel release}"
        version = "{kernel version}"
        machine = "{kernel machine}"
        domainname = "(none)"
      }
      > print uts_namespace init_uts_ns .name.sysname -j
      "Linux"
      > print 'struct rq' runqueues@1 .cpu
      1
      > print struct rq runqueues@1 .cpu
      1
      > print task_struct init_task .comm[0]
      115
      > print task_struct init_task .real_parent->comm
      "swapper/0"
      > print 'struct btf *' btf_vmlinux ->name
      "vmlinux"
      > print btf* btf_vmlinux .name
      "vmlinux"
      > print 'enum bpf_stats_type' prog_idr+20
      {text}
      > print 'char[13]' linux_banner
      "Linux version"
      > print 'char[2][5]' linux_banner -j
      ["Linux"," vers"]
      > print 'struct list_head *[2]' net_namespace_list [1]->next -j
      "0x{hex}"
      > print task_struct task:1 .comm
      "init"
      > print task_struct task:1 ->pid
      1
      > print bpf_prog prog:{prog reno_init id} ->aux.name
      "reno_init"
      > print bpf_map map:{map lengths id} .id
      {map lengths id}
      > print btf btf:{map lengths btf_id} .id -j
      {map lengths btf_id}
      > print bpf_link link:1 .id
      1
      > print task_struct init_task --list .tasks .pid,.comm,.mm->pgd
      ADDRESS  pid  comm  mm.pgd
      0x{symbol init_task}  0  "swapper/0"  -
      0x{hex}  1  "init"  0x{hex}
      0x{hex}  2  "kthreadd"  -
      {lines}
      > print net net_namespace_list --list .list .ifindex -j
      [{"address":"0x{hex}","ifindex":{n}}]
      > print super_block super_blocks --list ->s_list
      ADDRESS
      0x{hex}
      {lines}
      > type idr
      struct idr {
          struct xarray idr_rt;                       /* 0  16 */
          unsigned int idr_base;                      /* 16  4 */
          unsigned int idr_next;                      /* 20  4 */
      };  /* size: 24 */
      > type atomic_t
      typedef struct {
          int counter;                                /* 0  4 */
      } atomic_t;  /* size: 4 */
      > type char[64]
      char [64];  /* size: 64 */
      > type unsigned long
      long unsigned int;  /* size: 8 */
      > type enum bpf_stats_type
      enum bpf_stats_type {
          BPF_STATS_RUN_TIME = 0,
      };  /* size: 4 */
      > type bpf_stats_*pe
      enum bpf_stats_type;  /* size: 4 */
      > type struct list_head -j
      {"id":{n},"name":"list_head","declaration":"struct list_head","kind":"struct","size":16,"members":[{"name":"next","declaration":"struct list_head *next","depth":0,"offset":0,"size":8,"bit_offset":null,"bit_size":null},{"name":"prev","declaration":"struct list_head *prev","depth":0,"offset":8,"size":8,"bit_offset":null,"bit_size":null}]}
      > sym init_task
      {symbol init_task} D init_task
      > sym 0x{symbol init_task}
      {symbol init_task} D init_task
      > sym init_task+0x10
      {hex} D init_task+0x10
      > sym runqueues@1
      {hex} {text} runqueues@1
      > sym linux_bann?r
      {symbol linux_banner} {text} linux_banner
      > -j sym prog_idr
      [{"address":"0x{symbol prog_idr}","type":"d","symbol":"prog_idr","offset":0,"module":null}]
      > read linux_banner 13
      {symbol linux_banner}  4c 69 6e 75 78 20 76 65  72 73 69 6f 6e           |Linux version|
      > read linux_banner 512 -t string
      {kernel banner}{lines}
      > read page_offset_base 8 -t x8
      {symbol page_offset_base}  0x{value page_offset_base}
      > read -j -t x8 phys_base 8
      [{"address":"0x{symbol phys_base}","words":["0x{hex}"]}]
      > pread 0 4 --as x4
      0000000000000000  0x{hex}
      > pread -j 0 2
      [{"address":"0x0","bytes":"{hex}"}]
      > read map:{map lengths id}+0 8 -t x8 -j
      [{"address":"0x{hex}","words":["0x{hex}"]}]
      > translate linux_banner
      0x{symbol linux_banner}  linux_banner  kernel image (rodata)
      LEVEL  TABLE       INDEX  ENTRY               FLAGS       LEADS TO
      pgd    0x{hex} {n}  0x{hex}  P RW US A   table 0x{hex}
      pud    0x{hex} {n}  0x{hex}  P RW A      table 0x{hex}
      pmd    0x{hex} {n}  0x{hex}  P A D G NX  2 MiB page 0x{hex}
      physical 0x{hex}  2 MiB page  r--
      > regs 1
      CPU 1
        rax        0x{hex}{text}
        {lines}
        cr0        0x{hex}{text}
        {lines}
        efer       0x0000000000000d01
      {lines}
      > guests
      {text}PID  NAME  CONNECT  GDBSERVER  PROGRAM  KERNEL
      {lines}
      > hold
      the guest is held
      > -j hold
      {"run_state":"held"}
      > resume
      the guest is running
      """)

    /// Lines that answer nothing, or end what they stand in.
    private static let mistakes: [(line: String, status: Int32, words: String)] = [
      ("history", 64, "is for the prompt"), ("resume", 1, "no hold stops the guest"),
      ("source /no/such/file", 1, "cannot open /no/such/file: No such file"),
      ("frobnicate", 64, "no command 'frobnicate'"), ("prog fly", 64, "no command 'fly'"),
      ("help fly", 64, "no command 'fly'"), ("-j", 64, "no command after them"),
      ("prog stats type fly", 64, "'fly' is not a type of program"),
      ("prog list id 4000000", 1, "no program with id 4000000"),
      ("map list type fly", 64, "'fly' is not a type of map"),
      ("map list id x", 64, "'x' is not a map id"),
      ("map list id 4000000 type hash", 1, "no map with id 4000000 type hash"),
      ("info extra", 64, "Unexpected argument 'extra'"), ("report -x", 64, "Unknown option '-x'"),
      ("print no_such_type init_task", 1, "no type no_such_type"),
      ("print 'no_such_type *' init_task", 1, "no type no_such_type"),
      ("print 'btf ****' init_task", 1, "no type btf ****"),
      ("print * init_task", 1, "'*' names no type"),
      ("print task_struct init_task .no_such", 1, "no member no_such"),
      ("print task_struct 8 .comm", 1, "0x0 is not mapped"),
      ("print task_struct init_task ..", 64, "is not a path of members"),
      ("print task_struct init_task .comm[16]", 1, "has no [16]: it has 16 elements"),
      ("print 'no_such[4]' init_task", 1, "no type no_such[4]"),
      ("print bpf_prog prog:4000000", 1, "the guest has no program with id 4000000"),
      ("read task:4000000 8", 1, "the guest has no task with pid 4000000"),
      ("translate map:4000000", 1, "the guest has no map with id 4000000"),
      ("translate fly:1", 64, "'fly:1'"), ("sym map:1", 64, "has no symbol"),
      ("pread map:1 8", 64, "translate map:1"),
      ("print task_struct init_task --list .comm", 1, "only as a struct list_head"),
      ("print task_struct linux_banner --list .tasks", 1, "no neighbour leads back"),
      ("print task_struct init_task --list .tasks .files_no", 1, "no member files_no"),
      ("type no_such_type", 1, "no type no_such_type"),
      ("type no_such_*", 1, "no type that matches no_such_*"),
      ("print 'no_such_* *' init_task", 1, "no type no_such_* *"),
      ("prog list name no_such_*", 1, "no program with name no_such_*"),
      ("cgroup show", 64, "<path>"), ("cgroup show effective", 64, "takes the path"),
      ("cgroup tree system.slice", 64, "begins with a slash"),
      ("cgroup show /no/such", 1, "the guest has no cgroup /no/such"),
      ("prog stats type sk_lookup", 1, "no program with type sk_lookup"),
      ("prog verifier type sk_lookup", 1, "no program with type sk_lookup"),
      ("type irq_info", 1, "3 types of"), ("type irq_info#1", 1, "no type irq_info#1"),
      ("sym no_such", 1, "no symbol no_such"),
      ("sym no_such_*", 1, "no symbol matches"), ("sym 0x8", 1, "not in the kernel image"),
      ("read init_task", 64, "'<length>'"), ("read init_task 0", 64, "1 to 16777216"),
      ("read runqueues 8", 64, "as in runqueues@0"), ("read runqueues@9 8", 1, "no CPU 9"),
      ("read runqueues+8 8", 64, "as in runqueues@0+8"), ("sym runqueues@9", 1, "no CPU 9"),
      ("sym init_task@0", 64, "is not a per-CPU variable"),
      ("prog list -e info", 64, "beside them"),
      ("-j help fly", 64, "no command 'fly'"),
      ("read init_task@0 8", 64, "is not a per-CPU variable"), ("read 8 8", 1, "0x0 is not mapped"),
      ("pread init_task 8", 64, "translate init_task"),
      ("pread 0xfed00000 8", 1, "outside the guest's RAM"),
      ("translate 8", 1, "is not a kernel address"), ("regs 9", 1, "no vCPU 9"),
      ("check nothing", 64, "no check 'nothing'"), ("check guest-lives=1", 64, "has no limit"),
      ("check --tolerance 5", 64, "--baseline"),
      ("hold now", 64, "Unexpected argument 'now'"), ("'quit", 64, "without its end"),
      ("-c :1 info", 64, "stand before its commands"),
    ]

    @Test func everyCommandOfTheTableHasATranscript() {
      func leaves(_ command: ParsableCommand.Type, _ path: [String]) -> [[String]] {
        let inner = command.configuration.subcommands
        return inner.isEmpty ? [path] : inner.flatMap { leaves($0, path + [$0._commandName]) }
      }
      let lines =
        (Self.guestCommands.exchanges + Self.exploring.exchanges).map(\.line)
        + Self.batch.split(separator: "\n").map(String.init)
      // `source` runs the same batch below; `history` is for the prompt, and PromptTests has it;
      // `cache` asks no guest, and CacheTests has it; WatchTests has `diff`, which takes a file.
      let elsewhere = ["source", "history", "cache list", "cache clear", "diff"]
      for command in leaves(Root.self, []).map({ $0.joined(separator: " ") })
      where !elsewhere.contains(command) {
        #expect(
          lines.contains { $0 == command || $0.hasPrefix(command + " ") },
          "\(command) has no transcript")
      }
    }

    @Test func commandsOfTheGuest() throws { try Self.guestCommands.check(guest) }

    @Test func exploringCommands() throws { try Self.exploring.check(guest) }

    @Test func mistakesHaveAStatusAndASentence() throws {
      let script = Self.mistakes.map { $0.line + "\n" }.joined()
      let result = try Program(guest, ["--keep-going", "-f", "-"]).run(input: script)
      // Two of the lines want JSON.
      #expect(result.out.split(separator: "\n").allSatisfy { $0.hasPrefix(#"{"error":"#) })
      #expect(result.out.split(separator: "\n").count == 2)
      #expect(result.status == 64)
      for (index, mistake) in Self.mistakes.enumerated() {
        let notes = result.err.split(separator: "\n").filter {
          $0.hasPrefix("stdin:\(index + 1): ")
        }
        #expect(notes.count == 1 && notes[0].contains(mistake.words), "\(mistake.line): \(notes)")
      }
      for kind in [64, 1] as [Int32] {
        let alike = Self.mistakes.filter { $0.status == kind }
        let result = try Program(guest, ["--keep-going"] + alike.flatMap { ["-e", $0.line] }).run()
        #expect(result.status == kind, "\(result.err)")
      }
      #expect(try guest.qmp.runs)
    }

    // MARK: Batches

    private static let batch = """
      # What stands here is not run.
      info

         prog list name 'reno_*'   # nor this
      prog stats
      -j prog verifier
      sym "init_task"
      read init_task\\+8 16 --as x8
      print task_struct init_task .comm
      regs
      translate linux_banner
      report
      help prog
      help
      hold
      quit
      prog fly
      """

    @Test func theSameScriptGivesTheSameBytesHoweverItComes() throws {
      // All see one instant.
      let qmp = try guest.qmp
      try qmp.execute("stop")
      defer { _ = try? qmp.execute("cont") }
      let path = try file("batch", Self.batch)
      let lines = Self.batch.split(separator: "\n", omittingEmptySubsequences: false)
      let ways: [([String], String)] = [
        (["-f", path], ""), (["-f", "-"], Self.batch), ([], Self.batch),
        // Without a last end of line, and with a session that others share.
        (lines.flatMap { ["-e", String($0)] }, ""), (["-e", "source \(path)"], ""),
      ]
      let results = try ways.map { arguments, input in
        try Program(guest, ["--leave-stopped"] + arguments).run(input: input)
      }
      #expect(results[0].out.contains("\"swapper/0\"\n"))
      for result in results {
        #expect(result.status == 0, "\(result.err)")
        #expect(result.err == "")
        #expect(result.out == results[0].out)
      }
      #expect(try qmp.status == "paused")
    }

    @Test func jsonIsADocumentALine() throws {
      let lines = [
        "info", "prog list", "prog stats", "prog verifier", "map list", "report", "sym init_task",
        "type idr",
        "read init_task 16", "pread 0 16", "print task_struct init_task .thread",
        "print task_struct init_task --list .tasks .comm,.thread_info", "type char[64]",
        "translate init_task", "regs", "hold", "resume",
      ]
      let result = try Program(guest, ["-j"] + lines.flatMap { ["-e", $0] }).run()
      #expect(result.status == 0, "\(result.err)")
      let documents = result.out.split(separator: "\n")
      #expect(documents.count == lines.count)
      for (line, document) in zip(lines, documents) {
        #expect(throws: Never.self, "\(line)") {
          try JSONSerialization.jsonObject(with: Data(document.utf8))
        }
      }
    }

    @Test(
      arguments: [
        ("prog fly", 64, "no command 'fly'"), ("sym no_such", 1, "no symbol no_such"),
        ("pread 0x3ffff000 0x2000", 2, "1 page unreadable"),
      ] as [(String, Int32, String)])
    func aFailingThirdLineIsNamedAndGivesItsStatus(
      line: String, status: Int32, words: String
    ) throws {
      let lines = ["print task_struct init_task .pid", "", line, "print rq runqueues@1 .cpu"]
      let text = lines.joined(separator: "\n")
      let path = try file("failing", text)
      let ways: [(name: String, arguments: [String], input: String)] = [
        (path, ["-f", path], ""), ("stdin", ["-f", "-"], text), ("stdin", [], text),
        ("-e", lines.flatMap { ["-e", $0] }, ""),
      ]
      for way in ways {
        let result = try Program(guest, way.arguments).run(input: way.input)
        #expect(result.status == status)
        #expect(result.err.hasPrefix("\(way.name):3: "), "\(result.err)")
        #expect(result.err.contains(words), "\(result.err)")
        #expect(result.out.hasPrefix("0\n") && !result.out.hasSuffix("\n1\n"))
        let whole = try Program(guest, ["--keep-going"] + way.arguments).run(input: way.input)
        #expect(whole.status == status)
        #expect(whole.err == result.err)
        #expect(whole.out.dropLast(2) == result.out && whole.out.hasSuffix("1\n"))
      }
      #expect(try guest.qmp.runs)
    }

    @Test func keepGoingEndsWithTheWorst() throws {
      let part = ["-e", "pread 0x3ffff000 0x2000"]
      let failed = ["-e", "sym no_such"]
      let wrong = ["-e", "prog fly"]
      for (commands, status) in [
        (part + failed + part, 1), (wrong + part + failed, 64), (part + ["-e", "info"], 2),
      ] as [([String], Int32)] {
        #expect(try Program(guest, ["--keep-going"] + commands).run().status == status)
      }
    }

    @Test func scriptsThatSourceOthersNameTheLineThatFails() throws {
      let inner = try file("inner", "print task_struct init_task .pid\n\nsym no_such\ninfo\n")
      let outer = try file("outer", "source \(inner)\nprint rq runqueues@1 .cpu\n")
      let result = try Program(guest, ["-f", outer]).run()
      #expect(result.status == 1)
      #expect(result.out == "0\n")
      #expect(result.err == "\(inner):3: this guest's kernel has no symbol no_such\n")
      let endless = try file("endless", "")
      try "source \(endless)\n".write(toFile: endless, atomically: false, encoding: .utf8)
      let deep = try Program(guest, ["-f", endless]).run()
      #expect(deep.status == 1)
      #expect(deep.err.contains("16 deep"))
    }

    // MARK: Broken pipes

    @Test(
      arguments: [
        ["sym", "*"], ["-j", "read", "_text", "0x100000"], ["-e", "sym *", "-e", "sym *"],
        ["--hold", "-e", "sym *", "-e", "sym *"], ["--keep-going", "-e", "hold", "-e", "sym *"],
      ])
    func aReaderThatLeavesEndsItQuietly(arguments: [String]) throws {
      let pipe = #""$@" | head -c 100 | wc -c; exit ${PIPESTATUS[0]}"#
      let program = [Program.path, "-c", guest.target, "-k", guest.kernel] + arguments
      let shell = try ChildProcess("/bin/bash", ["-c", pipe, "bash"] + program)
      // As a program that SIGPIPE ended.
      #expect(shell.wait() == 128 + SIGPIPE)
      #expect(shell.out == "100\n")
      #expect(shell.err == "")
      #expect(try guest.qmp.runs)
    }
  }
}
