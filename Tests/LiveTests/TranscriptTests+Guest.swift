extension LiveTests.TranscriptTests {
  /// Commands of what the guest has loaded and how it is.
  static let guestCommands = Transcript(
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
    {"time":{text},"interval":null,{text}"object":"reno_init",{text}
    {"time":{text}{"object":"reno_init",{text}"per_second":{"cnt":0.0,{text}
    > watch --count 2 -n 0.05 prog verifier name reno_init
    {"time":{text},"interval":null,{text}
    {"time":{text}"per_second":{"verified_insns":0.0{text}
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
    CPU 0: {text}
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
    guest: running, {kernel cpus} CPUs, up {text} s
    CPU 0: {text}
    CPU 1: {text}
    tasks: {n}, none stuck for 10 s
    prog_runtime_stats:
    reno_init: cnt={prog reno_init run_cnt} nsecs={prog reno_init run_time_ns} misses=0{text}
    {lines}
    prog_verifier_stats:
    reno_init: verified_insns={prog reno_init verified_insns}
    {lines}
    maps: {n}
    log:
    {lines}
    answer: from {n} stops ({n} for log and programs, {n} for tasks, {n} for maps)
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
}
