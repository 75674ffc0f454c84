# `companion model check` 的文字：哪里不对；`.fix` 是该输入什么。

whole = { $count } 个张量，{ $size }
fits = { $family }，{ $parameters } M 参数，与 config.json 一致
tokenizer-fits = { $count } 个词元，模型都放得下
template-thinks = 对话模板会打开思考
hash-same = 内容的哈希与发布时一致

no-path = 没有 { $path }
    .fix = 检查名字；从 Hugging Face 下载模型：companion model pull { $model } --to 文件夹
a-file = 这是一个文件；模型应是一个文件夹，里面有 config.json、*.safetensors 和分词器文件
    .fix = companion model check { $folder }
empty-folder = 文件夹是空的
    .fix = { $pull }
deeper = 这不是模型，模型在它里面的文件夹里
    .fix = companion model check { $folder }
incomplete = 这里有一次下载没有结束
    .fix = { $pull }

dangling = 链接指向 { $target }，但那里没有文件：下载中断了，或缓存被删了
    .fix = { $pull }
no-regular-file = 不是普通文件
    .fix = 删掉它，重新下载模型
unreadable = 读不了：{ $problem }
    .fix = 检查权限和磁盘
empty-file = 文件是空的：下载中断了
    .fix = { $again }
pointer = 这是只有三行的 git-lfs 指针，真正的文件有 { $size }，SHA-256 为 { $sha256 }
    .fix = { $pull }
pointer-in-git = 这是只有三行的 git-lfs 指针，真正的文件有 { $size }，SHA-256 为 { $sha256 }
    .fix = git -C { $folder } lfs pull （第一次先运行：git lfs install）
web-page = 这个名字下存的是一个网页
    .fix = { $again }（手动下载用 …/resolve/main/…，不是 …/blob/main/…）
words = 里面是文字，不是权重：“{ $words }”
    .fix = { $again }（要同意条款的模型需要 HF_TOKEN）
pickle-renamed = 名字是 safetensors，其实是 pickle 或 zip 文件，可能运行别人的代码
    .fix = 删掉它，换用以 *.safetensors 发布的模型
no-safetensors = 不是 safetensors 文件（程序会报 “HeaderTooLarge”）
    .fix = { $again }
cut = 文件不完整：有 { $have }，还缺 { $missing }
    .fix = { $pull }
padded = 最后一个张量后面多出 { $extra }：两次下载写进了同一个文件，或者这是别的文件
    .fix = { $again }
head-broken = 文件头损坏：{ $problem }
    .fix = { $again }
tensor-broken = 文件头里 { $tensor } 的记录损坏
    .fix = { $again }
tensor-size = { $tensor } 的形状是 { $shape }（{ $dtype }），与它的 { $have } 字节对不上
    .fix = { $again }
overlap = { $tensor } 与前一个张量重叠
    .fix = { $again }
gap = { $tensor } 前面有不属于任何张量的字节
    .fix = { $again }
twice-in-file = { $tensor } 在文件里出现了两次
    .fix = { $again }

index-broken = 不是 safetensors 的索引（没有写文件名的 weight_map）
    .fix = { $again }
index-path = 它写着 { $shard }，那不是这个文件夹里的文件；拒绝使用
    .fix = 从最初发布的地方取模型
missing-shard = 缺少（权重共 { $total } 份，缺 { $count } 份）
    .fix = { $pull }
no-index = 缺少；没有它就不知道 { $count } 个文件（例如 { $file }）各存了什么
    .fix = { $pull }
single-and-shards = 这个文件和带索引的分片同时存在，而加载时用的是这个文件
    .fix = 在 { $folder } 里只留一种：{ $file }，或者 model-*-of-*.safetensors 加索引
extra-shard = 索引里没有它
    .fix = rm { $file }
index-tensor = 索引说 { $tensor } 在这里，其实不在（共 { $count } 个）
    .fix = 索引和权重来自两次下载：{ $again }
not-in-index = { $tensor } 在这里，索引却没有写（共 { $count } 个）
    .fix = 索引和权重来自两次下载：{ $again }
twice = { $tensor } 也在 { $other } 里（共 { $count } 个）
    .fix = 混入了两次下载的部分：清空文件夹，再 { $pull }
pickle = 权重只有 pickle 格式（{ $count } 个文件），可能运行别人的代码；拒绝使用
    .fix = 换用有 *.safetensors 的版本；或在一台坏了也不可惜的机器上运行：python -c "from transformers import AutoModelForCausalLM as M; M.from_pretrained('FOLDER', dtype='auto').save_pretrained('NEW')"，其中 FOLDER = { $folder }
adapter = 这是适配器（LoRA）：只有在 { $base } 之上训练的部分，没有那个模型本身
    .fix = 找一个完整发布的版本；或把两者合并（pip install peft）：python -c "from peft import AutoPeftModelForCausalLM as M; M.from_pretrained('FOLDER').merge_and_unload().save_pretrained('NEW')"，FOLDER = { $folder }，再把分词器的文件复制到 NEW
gguf = 这是 llama.cpp 用的权重，只有 llamacpp 引擎能读
    .fix = COMPANION_ENGINE=auto，或换用有 *.safetensors 的模型
gguf-whole = 完整：{ $count } 个张量，{ $size }，多为 { $kind }
gguf-own-tokenizer = { $count } 个词元和对话模板都认得，旁边不需要 tokenizer.json
gguf-family = { $family } 系列的模型，只有 llama.cpp 自己能判断
gguf-no-gguf = 不管叫什么名字，这不是 GGUF 文件
    .fix = { $again }
gguf-version = GGUF 版本是 { $version }，llama.cpp 读的是 2 和 3
    .fix = 换用这个模型较新的文件
gguf-broken = 文件头不对
    .fix = { $again }
gguf-short = 文件头就断了：只有 { $have }
    .fix = { $again }
gguf-no-language-model = 不是语言模型，而是 { $family }
    .fix = 换用语言模型本身的文件
gguf-tokenizer = 只凭这个文件建不出它的分词器（{ $kind }）
    .fix = 把原模型的 tokenizer.json 和 tokenizer_config.json 放在它旁边
gguf-no-template = 没有对话模板
    .fix = 把原模型的 tokenizer.json 和 tokenizer_config.json 放在它旁边；基础模型不是用来对话的
no-weights = 没有权重
    .fix = { $pull }

no-config = 缺少
    .fix = { $pull }
not-json = 不是 JSON：{ $problem }
    .fix = { $again }
byte-order-mark = 开头有字节顺序标记（BOM），是有些编辑器加的，加载程序都不认
    .fix = 把 { $path } 另存为不带 BOM 的 UTF-8（without BOM）
too-large = 有 { $size }，太大了
    .fix = { $again }
not-an-object = 是 JSON，但不是带名字的对象
    .fix = { $again }
auto-map = 它要求运行随模型附带的 Python 代码（auto_map）；Companion 从不运行。Qwen2、Llama 和 DeepSeek-V3 也不需要：transformers 和 vLLM 已内置
    .fix = 从 config.json 里删掉 "auto_map" 一项，也不要为它设 trust_remote_code
rope-twice = 同时有 rope_scaling 和 rope_parameters：程序只取前者，丢掉后者里的 rope_theta
    .fix = 在 config.json 里把 rope_scaling 的内容移进 rope_parameters（放在 rope_theta 旁边），再删掉 rope_scaling
config-number = { $field } 是 { $value }，没有模型会这样
    .fix = { $again }
family-unknown = model_type 是 { $family }：不拿它的张量与 config.json 比较
quantized = 量化过的权重：不拿形状与 config.json 比较
other-family = 它写的是 { $said }，而张量属于 { $found }
    .fix = { $again }
layers = 它写着 { $said } 层，权重却有 { $found } 层
    .fix = { $pull }；如果还是这样：config.json 或部分权重属于别的模型
tensors-missing = 权重里缺少 { $tensor }（共 { $count } 个）
    .fix = { $pull }
tensors-unexpected = 权重里有 { $tensor }，这种模型不该有（共 { $count } 个）
    .fix = { $pull }；如果还是这样：config.json 或部分权重属于别的模型
shape = { $tensor } 是 { $have }，按 config.json 应为 { $want }（共 { $count } 个）
    .fix = { $again }
dtype-odd = { $tensor } 是 { $dtype }，而 config.json 没有说权重量化过（共 { $count } 个）
    .fix = { $again }
dtype = { $tensor } 是 { $dtype }，config.json 写的是 { $said }（共 { $count } 个）；加载时会转换

no-tokenizer = 缺少
    .fix = { $pull }
tokenizer-broken = 里面没有词表
    .fix = { $again }
tokenizer-too-large = 它有 { $count } 个词元，模型只有 { $size } 个：这是别的模型的分词器
    .fix = { $again }
tokenizer-small = 它有 { $count } 个词元，模型有 { $size } 个：可能是别的模型的分词器
no-tokenizer-config = 缺少；对话模板应该在里面
    .fix = { $pull }
no-template = 没有对话模板：这是基础模型，或者是旧的副本
    .fix = 换用对话模型；如果本来就是：{ $again }
template-old = 对话模板不会用 <think> 打开思考（R1 最早的模板就这样）：在 R1 自己的标记之后 Companion 会打开它，其他情况由模型自己决定
template-plain = 对话模板里没有 <think>：不是推理模型
end-outside = 结束标记 { $id } 超出了模型的 { $size } 个词元
    .fix = { $again }

hash-unknown = 这里没有记录它应有的哈希（用 `companion model pull` 下载会有）
hash-differs = 哈希是 { $have }，应为 { $want }：内容已损坏
    .fix = { $again }

# `companion model explain` 的文字。

remark-echo = echo 引擎（没有模型）：只重复你说的话；真正聊天请设置 COMPANION_MODEL，例如 r1-1.5b
remark-bundled = 自带的练习模型（{ $millions } M 参数）：适合试用；真正聊天请设置 COMPANION_MODEL，例如 r1-1.5b

load-no-model = 没有设置模型
    .fix = 设为短名（例如 r1-7b）、Hub 上的名字、一个文件夹，或一个 GGUF 文件
load-more = （另有 { $count } 处：companion model check { $folder }）
load-no-engine = 没有引擎 { $engine }。可选：{ $names }。
load-no-device = 设置要求用 { $device }，但这台机器没有，或者装的 torch 用不了它。请把设备设为 auto 或 cpu，或安装支持它的 torch。
load-damaged = { $folder } 里有一个权重文件已损坏（{ $problem }）。请重新下载。
load-parts-missing = { $folder } 里的权重缺少模型的 { $count } 个部分。请重新下载。
load-no-memory = { $folder } 里的模型在内存中放不下：{ $problem } → 换一个小一些的模型，或调低 COMPANION_CONTEXT_TOKENS 或 COMPANION_SLOTS
load-no-package = 这里没有安装 { $package }，而这个模型需要它
    .fix = pip install 'companion[worker]'；或换用模型的 GGUF 文件，并 pip install 'companion[cpu]'
load-cannot-generate = 已加载，但不能生成：{ $problem }
load-no-folder = 没有文件夹 { $model }。请把 COMPANION_MODEL 设为模型文件夹，或 Hub 上的名字。
load-no-tokenizer = { $model } 里没有 tokenizer.json。请重新下载模型的全部文件。
load-bad-tokenizer = { $model } 的分词器加载不了：{ $problem } → companion model check { $model }
load-bad-template = { $model } 的对话模板用不了：{ $problem } → 请重新下载这个模型，或换一个对话模型
load-no-template = { $model } 没有对话模板。请选用对话模型，不要用基础模型。

engine-not-ready = 引擎还不能用，{ $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [restarting] 正在重启
   *[other] 状态是 { $stage }
  }。
engine-not-started = 引擎进程启动不了：{ $problem } → companion doctor
engine-ended = 引擎进程意外退出。
no-door = worker 的各个进程无法共用引擎，因为不能在 { $address } 建立套接字：{ $problem } → 请把 TMPDIR 设为路径较短的文件夹，或设置 COMPANION_WORKER_PROCESSES=1

explain-no-such = 没有这个文件夹，目录里也没有这个名字；目录里有 { $names }
explain-nothing = 没有一个能读的张量，什么也说不了（{ $problem }）
    .fix = companion model check 会说哪里不对
explain-unknown = Companion 不认识的系列，或者 config.json 和权重属于两个模型：{ $family }
    .fix = companion model check 会说哪里不对
explain-distill = { $name }：DeepSeek-R1 的蒸馏模型。它是 { $family } 模型（{ $base }），用 R1 的回答训练而成；不是 671B 原版，运行方法与普通 { $family } 模型相同。
explain-original = { $name }：671B 原版的架构，{ $family }。R1、R1-Zero 和 { $base } 的张量名称和形状都相同，只是数值不同。
explain-base = { $name }：{ $family } 模型，形状与 { $like } 相同，但分词器里没有 R1 的标记：很可能是 { $base }，也就是蒸馏前的模型。
explain-other = { $name }：{ $family } 模型，不属于 R1 系列。
explain-keys = 从张量看：注意力层有 { $keys }。
explain-claims = 名字写着 DeepSeek-R1，张量却不是；以张量为准。
explain-license = 许可：{ $license }。
explain-damaged = 文件不完整：companion model check { $path }
explain-converter-dense = DeepSeek-V3 的 convert.py 不适用：它要的是原版的 q_a_proj 和 kv_a_proj_with_mqa，遇到这个 { $family } 模型的 k_proj 和 v_proj 就停在 “assert key in mapping”。不需要任何转换，文件夹直接加载。
explain-converter-original = DeepSeek-V3 的 convert.py 就是为这些张量（q_a_proj、kv_a_proj_with_mqa）写的，但只有 DeepSeek 自己的演示程序需要转换；vLLM 和 SGLang 直接加载这个文件夹。
explain-parameters = { $parameters } 参数。
explain-active = { $parameters } 参数，每个词元用到 { $active }。
explain-memory = 权重：{ $weights }。对话占用：每个词元 { $token }，每 1,000 个词元 { $thousand }。
explain-memory-unknown = 查不到这台机器有多少内存。
explain-gpus = 这台机器：{ $count } × { $name }，每块 { $memory }。
explain-cpu = 这台机器：没有 torch 能用的 GPU；CPU 可用内存 { $memory }。
explain-too-large = 权重（{ $weights }）在这里放不下。
explain-smaller = 这里放得下的最大的一个：{ $name }。
explain-people = 每人 { $context } 个词元时，同时放得下：{ $people } 人。
explain-speed = 一个人的速度上限：每秒 { $ceiling } 个词元（{ $count } × { $bandwidth } GB/s 除以每个词元要读的量）。实际达不到；好的引擎约为 60 %。
explain-speed-unknown = 表里没有 { $name } 的显存带宽，所以不给上限。
explain-engine = Companion 会用这个引擎：{ $engine }。
explain-original-needs = 需要一台有多块 GPU 的机器，例如 8 × H200（141 GB）；8 × 80 GB 放不下。Companion 自己的引擎运行不了，要用 vLLM 或 SGLang。
explain-several = 需要多块 GPU。装了 vLLM 时（docs/engines.md）：COMPANION_MODEL={ $id } COMPANION_ENGINE=vllm COMPANION_GPUS={ $count }。或者用服务器：
explain-server = vllm serve { $id } --tensor-parallel-size { $count } --reasoning-parser deepseek_r1
    或者：python -m sglang.launch_server --model-path { $id } --tp { $count } --reasoning-parser deepseek-r1
explain-use-server = 用这样的服务器（在这台或别的机器上），Companion 不需要 torch，也不需要 GPU：COMPANION_OPENAI_URLS=http://主机:8000/v1（SGLang 是 30000 端口）；companion doctor 会去问它。详见 docs/engines.md。
explain-sampling = 建议：temperature { $temperature }，top_p { $top_p }，不用系统提示，回答以 <think> 开头。

# `companion model pull` 的文字。

pull-asks = { $hub }：查询 { $model }
pull-begins = { $files } 个文件，{ $total }，存到 { $folder }
pull-goes-on = { $files } 个文件，{ $total }，其中 { $have } 已在 { $folder }；接着下
pull-all-there = { $files } 个文件，{ $total }：全都已在 { $folder }
pull-waits = 另一个命令正在把这个模型下载到 { $folder }；等它结束
pull-progress = { $percent } %  { $done } / { $total }  { $speed }/s  剩余 { $left }
pull-again = { $hub } 繁忙或连接断了；{ $seconds } 秒后再试
pull-interrupted = 已中断；下好的部分都保留着。接着下：{ $again }
pull-offline = 设置了 HF_HUB_OFFLINE：只在这台机器上找 { $model }
pull-set = 要使用它，请设置 COMPANION_MODEL={ $model }
pull-unfit = { $folder } 里的文件与发布的一致，但还缺模型所需的内容；见上面各行。
pull-no-library = 这里没有安装 huggingface_hub
    .fix = pip install 'companion[worker]'
pull-bad-name = 既不是目录里的短名（{ $names }），也不是 Hub 上的名字，例如 deepseek-ai/DeepSeek-R1-Distill-Qwen-7B
    .fix = 检查名字
pull-bad-address = { $hub } 不是地址
    .fix = 写完整，例如 --mirror https://hf-mirror.com（或写在 HF_ENDPOINT 里）
pull-not-here = 这台机器上没有 { $model }
    .fix = 取消 HF_HUB_OFFLINE，或从别的机器复制模型文件夹
pull-no-model = { $hub } 没有 { $model }，或者只对部分人可见
    .fix = 检查名字；私有模型要设 HF_TOKEN
pull-no-revision = { $hub } 有 { $model }，但没有这个版本
    .fix = 去掉 --revision，或从 { $hub }/{ $model }/commits/main 里选一个
pull-gated = 要先同意条款才能下载 { $model }
    .fix = 在 { $hub }/{ $model } 同意条款，在 https://huggingface.co/settings/tokens 建一个令牌，设到 HF_TOKEN（用 --mirror 给的地址不会收到令牌：改设 HF_ENDPOINT）
pull-token = { $hub } 不接受这个令牌
    .fix = 把 HF_TOKEN 设为有效的令牌，或取消它：多数模型不需要
pull-forbidden = { $hub } 拒绝提供 { $model }
    .fix = 令牌要有读取这个模型的权限；没有令牌时：稍后再试，或换镜像
pull-adapter = { $model } 是适配器（LoRA）：只有在另一个模型之上训练的部分，没有那个模型本身
    .fix = 找一个完整发布的版本（名字里常有 merged）；或用 hf download { $model } --local-dir FOLDER 取回它，companion model check FOLDER 会说明怎样合并
pull-other-weights = { $model } 既没有 *.safetensors 也没有 *.gguf，只有 { $file } 这类文件，Companion 不加载
    .fix = 换用有 *.safetensors 的版本
pull-no-such-kind = { $model } 没有 { $kind } 这种 GGUF 文件，有的是：{ $files }
    .fix = 写明其中一种，例如 { $model }:Q4_K_M
pull-no-weights = { $model } 没有权重
    .fix = 检查名字
pull-no-network = 连不上 { $hub }（{ $problem }）
    .fix = 检查网络和代理（HTTPS_PROXY）；访问不了 Hub 的地方请用镜像：companion model pull { $model } --mirror https://hf-mirror.com
pull-proxy = 代理不让访问 { $hub }
    .fix = 检查 HTTPS_PROXY 和 HTTP_PROXY
proxy-socks = 设了 SOCKS 代理（ALL_PROXY 或 HTTPS_PROXY），这里用不了
    .fix = 取消 ALL_PROXY，改设 HTTPS_PROXY=http://主机:端口（多数代理程序也提供）；或 pip install socksio，并把代理写成 socks5://主机:端口
pull-no-hub = { $hub } 不是 Hub，或者不会提供这个模型
    .fix = 检查 --mirror 和 HF_ENDPOINT；有些网络会用登录页回答一切请求
pull-too-many = 试了几次，{ $hub } 仍说请求太多
    .fix = 稍后再运行同样的命令，会接着下；设了 HF_TOKEN 额度更多；或用 --mirror 换镜像
pull-hub-broken = { $hub } 出了故障（HTTP { $status }），试了几次都一样
    .fix = 稍后再运行同样的命令，会接着下；或用 --mirror 换镜像
pull-disk-full = 需要 { $needed }，{ $folder } 只剩 { $free }；什么都没有下载
    .fix = 腾出空间，或换一个磁盘：--to 文件夹，或 HF_HOME
pull-disk-filled = 磁盘满了
    .fix = 腾出空间，再运行同样的命令，会接着下
pull-cannot-write = 写不进去：{ $problem }
    .fix = 检查文件夹的权限；换一个：--to 文件夹，或 HF_HOME
pull-cut = 与 { $hub } 的连接断了，试了几次都一样
    .fix = 再运行同样的命令，会接着下
pull-other-size = { $hub } 发来的文件大小与它声明的不符
    .fix = 再运行同样的命令。如果又这样，用 --mirror 换镜像
pull-size-differs = { $file } 不在，或者大小不是 { $want }
    .fix = 删掉 { $file }，再运行同样的命令，只会取这个文件
pull-hash-differs = { $file } 下载后已损坏，已删除：哈希是 { $have }，应为 { $want }
    .fix = 再运行同样的命令，只会取这个文件。如果又这样，用 --mirror 换镜像

# `companion doctor` 关于模型的文字。

check-engine = 引擎
check-model = 模型
check-room = 存放模型的空间
check-gpu = GPU
check-memory = 模型所需的内存
check-server = 模型服务器
check-vllm = vLLM
check-llamacpp = llama.cpp
check-tokenizer = 分词器

doctor-card = { $name }，驱动 { $driver }
doctor-engine = { $engine }（按此模型和本机自动选择）
doctor-model = { $model }，{ $parameters } M 参数，safetensors，文件都完整
doctor-gguf = { $file }，{ $parameters } M 参数，GGUF，多为 { $kind }，完整
doctor-tokenizer-beside = 模型旁边的 tokenizer.json
doctor-tokenizer-own = 由 GGUF 文件里的词表和对话模板建成
doctor-to-fetch = 这台机器上还没有 { $model }；第一次启动时会从 Hub 下载
doctor-goes-on = { $model } 在这台机器上还不完整；启动时会接着下载
doctor-room = { $folder } 还剩 { $free }，大约需要 { $need }
    .fix = 在那里腾出空间，或把 HF_HOME 设到别的磁盘
doctor-gpu = { $name }，空闲 { $free }
doctor-gpu-none = 没有：使用 CPU
doctor-gpu-unwanted = 不使用：设置要求用 CPU
doctor-gpu-mac = 这台 Mac 的
doctor-gpu-useless = 有 { $card }，但 torch { $version } 用不了它
    .fix = 安装与显卡驱动相配的 torch：https://pytorch.org/get-started/locally
doctor-loaded = 权重占 { $weights }，这台机器上的 worker 已经加载
doctor-memory-unknown = 权重占 { $weights }；这里问不到还有多少空闲
doctor-fits = 空闲 { $free }，权重占 { $weights }；其余给对话
doctor-fits-people = 空闲 { $free }，权重占 { $weights }；其余放得下 { $people } 个人，每人 { $context } 个词元
doctor-too-full = 权重占 { $weights }，只有 { $free } 空闲
    .fix = 关掉占用它的其他程序
doctor-too-large = 权重占 { $weights }，只有 { $free } 空闲
    .fix = 把 COMPANION_MODEL 换成别的模型，或设为 `bundled`；companion model explain 会说哪个放得下

## 引擎 `openai`：服务器可能出的问题

openai-elsewhere = openai 引擎：大家写的内容会离开这台机器，发往 { $places }
openai-well = { $url } 有应答，模型是 { $model }；大家写的内容会离开这台机器，发到那里
openai-well-here = { $url } 有应答，模型是 { $model }
openai-no-urls = openai 引擎没有服务器可用
    .fix = 设置 COMPANION_OPENAI_URLS，例如 http://localhost:8000/v1
openai-no-httpx = openai 引擎需要 httpx，这里没有安装
    .fix = pip install 'companion[openai]'
openai-unreachable = 连不上 { $url }（{ $problem }）
    .fix = 检查服务器是否在运行，以及 COMPANION_OPENAI_URLS
openai-silent = { $url } 在 { $seconds } 秒内没有应答
    .fix = 看看它是否过载，或还在加载模型；等多久由 COMPANION_OPENAI_FIRST_SECONDS 决定
openai-stalled = { $url } 回答到一半沉默了 { $seconds } 秒
    .fix = 看服务器的日志；等多久由 COMPANION_OPENAI_NEXT_SECONDS 决定
openai-cut = { $url } 中途断开了回答
    .fix = 看服务器的日志，以及中间设备的超时设置
openai-key = { $url } 不接受密钥（HTTP { $status }）
    .fix = 把 COMPANION_OPENAI_KEY 设为这台服务器的密钥
openai-unpaid = { $url } 要求付费（HTTP { $status }）
    .fix = 给密钥所属的账户充值
openai-no-path = { $url } 没有这个接口（HTTP { $status }）
    .fix = COMPANION_OPENAI_URLS 要写到服务器文档所说的位置，多半以 /v1 结尾
openai-redirect = { $url } 让我们去别处（HTTP { $status }）
    .fix = 把 COMPANION_OPENAI_URLS 设为它所指的地址，常常是把 http:// 换成 https://
openai-no-model = { $url } 没有模型 { $model }；它有：{ $names }
    .fix = 把 COMPANION_OPENAI_MODEL 设为其中一个
openai-which-model = { $url } 有好几个模型：{ $names }
    .fix = 把 COMPANION_OPENAI_MODEL 设为其中一个
openai-no-models = { $url } 还没有模型
    .fix = 在那里加载一个，例如：ollama pull deepseek-r1
openai-no-list = { $url } 不说它有哪些模型
    .fix = 设置 COMPANION_OPENAI_MODEL；COMPANION_OPENAI_URLS 要写到服务器文档所说的位置，多半以 /v1 结尾
openai-too-long = { $url } 认为提示对它的模型来说太长
    .fix = 把 COMPANION_CONTEXT_TOKENS 设为服务器启动时的上下文长度，或更小
openai-busy = { $url } 太忙（HTTP 429），请我们等 { $seconds } 秒
    .fix = 调低 COMPANION_SLOTS，或在 COMPANION_OPENAI_URLS 里多写几台服务器
openai-broken = { $url } 自身出错（HTTP { $status }）
    .fix = 看服务器的日志
openai-refused = { $url } 拒绝了请求（HTTP { $status }）
    .fix = companion doctor；然后看服务器的日志
openai-web-page = { $url } 返回的是网页
    .fix = COMPANION_OPENAI_URLS 要写到接口开始的位置，多半以 /v1 结尾
openai-not-understood = { $url } 返回的不是与 OpenAI 兼容的数据流
    .fix = 检查 COMPANION_OPENAI_URLS，以及中间的设备
openai-stray-thought = { $url } 结束了一段没有开头的思考；从现在起，它的回答都按以思考开头来读
    .fix = 启动服务器时打开思考解析，例如：vllm serve … --reasoning-parser deepseek_r1
openai-no-thought = { $url } 的回答看似以思考开头，却没有结束思考；从现在起，它的回答都按答案来读
    .fix = 启动服务器时打开思考解析，例如：vllm serve … --reasoning-parser deepseek_r1

## 引擎 `paged` 和 `transformers`

transformers-cannot-load = transformers 加载不了 { $folder } 里的模型：{ $problem } → companion model check { $folder }
paged-cannot-load = paged 引擎加载不了 { $folder } 里的模型：{ $problem } → companion model check { $folder }
paged-not-covered = paged 引擎运行不了 { $folder } 里的模型：{ $problem }。请设 COMPANION_ENGINE=transformers。
paged-on-a-mac = paged 引擎不支持 Mac 的 GPU。请设 COMPANION_ENGINE=transformers。
load-only-whole = 运行这个模型的 { $engine } 引擎只能使用原样的权重。请去掉 COMPANION_WEIGHTS=fp8。
paged-no-eight-bits = 8 位权重需要 Ada、Hopper 或更新一代的 NVIDIA GPU（计算能力 8.9 起）。请去掉 COMPANION_WEIGHTS=fp8。
paged-no-room = 显存放得下模型，却没有给对话留下空间。请换小一些的模型。
odd-family = { $family } 类型的模型
odd-activation = 激活函数 { $activation }
odd-weights = 量化过的权重
odd-forward-biases = 前馈层带偏置
odd-attention-biases = 注意力层带偏置
odd-windows = 滑动窗口
odd-rope = { $kind } 类型的 RoPE 缩放
odd-rope-part = 每个头只有一部分用 RoPE
odd-number = config.json 里没有可用的 { $field }
odd-config = config.json 读不了（{ $problem }）

## 引擎 `vllm`

vllm-missing = vllm 引擎需要 vLLM，这里没有安装
    .fix = 在单独的环境里：pip install 'companion[console,embedded,vllm]'；或设 COMPANION_ENGINE=auto
vllm-cannot-load = vLLM 加载不了 { $folder } 里的模型：{ $problem }
    .fix = worker 日志里这一行之上写着原因；如果显存太小：调低 COMPANION_CONTEXT_TOKENS 或 COMPANION_SLOTS，或用 COMPANION_GPUS 分到多块显卡上

## 引擎 `llamacpp`

llamacpp-missing = llamacpp 引擎需要 llama-cpp-python，这里没有安装
    .fix = pip install 'companion[cpu]'（要从源码编译：几分钟，需要 C++ 编译器和 cmake）
llamacpp-no-gguf = llamacpp 引擎读 GGUF 文件，而 { $place } 里没有。请把 COMPANION_MODEL 设为一个 *.gguf 文件，或设 COMPANION_ENGINE=auto。
    .fix = COMPANION_MODEL=FILE.gguf，或 COMPANION_ENGINE=auto
llamacpp-no-device = 要求使用设备 { $device }，但这里安装的 llama.cpp 编译时没有包括它。请把设备设为 auto 或 cpu，或为它编译 llama-cpp-python。
llamacpp-no-writer = { $family } 系列的模型不会接着提示往下写
llamacpp-too-large = 需要 { $need }，空闲的有 { $free }
llamacpp-cannot-load = llama.cpp 加载不了 { $file }：{ $problem }
    .fix = companion model check { $quoted }；如果文件完整，就是这个 llama.cpp 不认识这个模型：换一个

## worker 一步步在做什么

stage = { $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [ready] 就绪
   *[other] { $stage }
  }
engine-stage = 引擎：{ $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [ready] 就绪
   *[other] { $stage }
  }
engine-gave-up = 引擎放弃了：{ $reason } { $detail }
say-cut = 回答在这里截断了：达到了长度上限（COMPANION_ANSWER_TOKENS），或者只是在重复
say-nothing = 模型两次都没有给出回答；换个说法，或换个模型

## 帮助。文字本身是列表里的一行，`.more` 接在命令自己的页面上，其余是各个选项。

help = Companion 里写回复的部分。
help-run = 从队列里取出对话并回答。
    .redis_url = 适配器所用的 Redis。
    .grace = worker 停止时，留给回复收尾的秒数。
    .with_parent = 标准输入关闭时结束：启动它的进程已经不在了。
    .place = 这是 worker 的第几个进程；由第一个进程启动其余进程时使用。
help-say = 回答一句话就退出：不用队列，不用记忆。
    .persona = 由谁来回答。
help-doctor = 检查模型、内存、磁盘和 GPU，每项一行。
    .more = 有一项不对，退出状态就是 1。
help-model = 下载模型，或不加载就检查模型的文件。
help-model-pull = 按短名（r1-7b）或 Hub 上的名字下载模型并检查它。
    .more = 中断后再运行会接着下。
    .mirror = 换一个 Hub，用于访问不了常用 Hub 的地方；不会收到令牌。
    .revision = 分支、标签或提交。
    .to = 存到这里，而不是 Hub 的缓存。
help-model-check = 逐个说明模型的文件是否完整。
    .more = 有一项不对，退出状态就是 1。
    .deep = 还要读取每个字节，与发布的哈希核对。
    .as_json = 输出 JSON，供程序使用。
help-model-explain = 说明模型是什么、需要什么、能有多快。
    .more = NAME 是文件夹，或 r1-7b 这样的名字。
    .as_json = 输出 JSON，供程序使用。
