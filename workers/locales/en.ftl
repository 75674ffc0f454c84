# Texts of `companion model check`: what is wrong, and in `.fix` what to type.

whole = { $count } tensors, { $size }
fits = { $family }, { $parameters } M parameters, as config.json says
tokenizer-fits = { $count } tokens, and the model has room for all
template-thinks = the chat template opens the thought
hash-same = the content has the hash it was published with

no-path = there is no { $path }
    .fix = check the name; a model of Hugging Face is downloaded with: companion model pull { $model } --to FOLDER
a-file = a file, and a model is a folder with config.json, *.safetensors and the tokenizer's files
    .fix = companion model check { $folder }
empty-folder = the folder is empty
    .fix = { $pull }
deeper = no model, but the folder around one
    .fix = companion model check { $folder }
incomplete = a download has not ended here
    .fix = { $pull }

dangling = a link to { $target }, which is not there: the download was cut or its cache was deleted
    .fix = { $pull }
no-regular-file = not a regular file
    .fix = remove it and download the model again
unreadable = it cannot be read: { $problem }
    .fix = check the rights and the disk
empty-file = the file is empty: the download was cut
    .fix = { $again }
pointer = a git-lfs pointer of three lines; it stands for { $size } with SHA-256 { $sha256 }
    .fix = { $pull }
pointer-in-git = a git-lfs pointer of three lines; it stands for { $size } with SHA-256 { $sha256 }
    .fix = git -C { $folder } lfs pull (first once: git lfs install)
web-page = a web page was saved under this name
    .fix = { $again } (by hand: …/resolve/main/…, not …/blob/main/…)
words = words instead of weights: “{ $words }”
    .fix = { $again } (a model behind terms needs HF_TOKEN)
pickle-renamed = a pickle or zip file under the name of safetensors, which can run foreign code
    .fix = remove it and take a model that was published with *.safetensors
no-safetensors = no safetensors file (programs say “HeaderTooLarge”)
    .fix = { $again }
cut = cut: { $have } are there and { $missing } are missing
    .fix = { $pull }
padded = { $extra } too much behind the last tensor: two downloads were written into one file, or it is another file
    .fix = { $again }
head-broken = the head of the file is damaged: { $problem }
    .fix = { $again }
tensor-broken = the head's entry of { $tensor } is damaged
    .fix = { $again }
tensor-size = { $tensor } is { $shape } of { $dtype }, and its { $have } bytes are another size
    .fix = { $again }
overlap = { $tensor } lies over the tensor before it
    .fix = { $again }
gap = before { $tensor } are bytes that belong to nothing
    .fix = { $again }
twice-in-file = { $tensor } is in the file twice
    .fix = { $again }

index-broken = no index of safetensors (no weight_map with file names)
    .fix = { $again }
index-path = it names { $shard }, which is no file of this folder; refused
    .fix = take the model from where it was published first
missing-shard = missing ({ $count } of { $total } parts of the weights)
    .fix = { $pull }
no-index = missing, and without it nobody knows which of { $count } files (such as { $file }) holds what
    .fix = { $pull }
single-and-shards = both this file and parts with an index are here, and loaders take this one
    .fix = remove one of them: in { $folder } either { $file } or model-*-of-*.safetensors and the index
extra-shard = the index does not name it
    .fix = rm { $file }
index-tensor = the index says that { $tensor } is in here, and it is not ({ $count } such)
    .fix = index and weights are of two downloads: { $again }
not-in-index = { $tensor } is in here, and the index does not say so ({ $count } such)
    .fix = index and weights are of two downloads: { $again }
twice = { $tensor } is also in { $other } ({ $count } such)
    .fix = parts of two downloads are mixed: empty the folder, then { $pull }
pickle = the weights are there only as pickle ({ $count } such files), which can run foreign code; refused
    .fix = take a copy with *.safetensors; or on a machine you can lose: python -c "from transformers import AutoModelForCausalLM as M; M.from_pretrained('FOLDER', dtype='auto').save_pretrained('NEW')" with FOLDER = { $folder }
adapter = an adapter (LoRA): what was trained on top of { $base }, without that model itself
    .fix = take a copy that was published whole; or merge the two (pip install peft): python -c "from peft import AutoPeftModelForCausalLM as M; M.from_pretrained('FOLDER').merge_and_unload().save_pretrained('NEW')" with FOLDER = { $folder }, and copy the tokenizer's files to NEW
gguf = weights for llama.cpp, and only the engine llamacpp reads them
    .fix = COMPANION_ENGINE=auto, or take the model with *.safetensors
gguf-whole = whole: { $count } tensors, { $size }, mostly { $kind }
gguf-own-tokenizer = { $count } tokens and a chat template, both known; no tokenizer.json is needed beside it
gguf-family = a model of the family { $family }, which only llama.cpp itself can judge
gguf-no-gguf = no GGUF file, whatever its name is
    .fix = { $again }
gguf-version = GGUF of version { $version }, and 2 and 3 are what llama.cpp reads
    .fix = take a newer file of the model
gguf-broken = its head makes no sense
    .fix = { $again }
gguf-short = cut within its head: only { $have } are there
    .fix = { $again }
gguf-no-language-model = no language model, but { $family }
    .fix = take the file of the language model itself
gguf-tokenizer = its tokenizer ({ $kind }) cannot be built from this file alone
    .fix = put the tokenizer.json and tokenizer_config.json of the original model beside it
gguf-no-template = no chat template
    .fix = put the tokenizer.json and tokenizer_config.json of the original model beside it; a base model is not made for chat
no-weights = there are no weights
    .fix = { $pull }

no-config = missing
    .fix = { $pull }
not-json = no JSON: { $problem }
    .fix = { $again }
byte-order-mark = it begins with a byte order mark, as some editors write it, and no loader takes that
    .fix = save { $path } as UTF-8 without BOM
too-large = { $size }, too large for what it should be
    .fix = { $again }
not-an-object = JSON, but no object with names
    .fix = { $again }
auto-map = it asks to run Python code that came with the model (auto_map); Companion never does, and Qwen2, Llama and DeepSeek-V3 need none: transformers and vLLM have them built in
    .fix = remove the entry "auto_map" from config.json, and never set trust_remote_code for it
rope-twice = it has both rope_scaling and rope_parameters: programs take the first alone, without the rope_theta of the other
    .fix = in config.json, move what stands in rope_scaling into rope_parameters, beside rope_theta, and remove rope_scaling
config-number = { $field } is { $value }, which no model can have
    .fix = { $again }
family-unknown = model_type is { $family }: its tensors are not compared with config.json
quantized = quantized weights: their shapes are not compared with config.json
other-family = it says { $said }, and the tensors are those of { $found }
    .fix = { $again }
layers = it says { $said } layers, and the weights have { $found }
    .fix = { $pull }; if it stays: config.json or a part of the weights is of another model
tensors-missing = the weights lack { $tensor } ({ $count } such)
    .fix = { $pull }
tensors-unexpected = the weights have { $tensor }, which such a model has not ({ $count } such)
    .fix = { $pull }; if it stays: config.json or a part of the weights is of another model
shape = { $tensor } is { $have }, and config.json makes it { $want } ({ $count } such)
    .fix = { $again }
dtype-odd = { $tensor } is { $dtype }, and nothing in config.json says that the weights are quantized ({ $count } such)
    .fix = { $again }
dtype = { $tensor } is { $dtype }, and config.json says { $said } ({ $count } such); it is converted while loading

no-tokenizer = missing
    .fix = { $pull }
tokenizer-broken = no vocabulary in it
    .fix = { $again }
tokenizer-too-large = it has { $count } tokens and the model only { $size }: it is another model's
    .fix = { $again }
tokenizer-small = it has { $count } tokens and the model { $size }: perhaps another model's
no-tokenizer-config = missing; the chat template should be in it
    .fix = { $pull }
no-template = there is no chat template: a base model, or an old copy
    .fix = choose a model made for chat; if it is one: { $again }
template-old = the chat template does not open the thought with <think>, as R1's first ones; after R1's own marks Companion opens it, elsewhere it is left to the model
template-plain = the chat template knows no <think>: not a reasoning model
end-outside = the end mark { $id } is outside of the { $size } tokens of the model
    .fix = { $again }

hash-unknown = nothing here says which hash it must have (downloads by `companion model pull` do)
hash-differs = its hash is { $have } and should be { $want }: the content is damaged
    .fix = { $again }

remark-echo = echo engine (no model): repeats what you say; for real conversation set COMPANION_MODEL, for example to r1-1.5b
remark-bundled = bundled practice model ({ $millions } M parameters): good for trying things out; for real conversation set COMPANION_MODEL, for example to r1-1.5b

load-no-model = no model is set
    .fix = set it to a short name such as r1-7b, to a hub's id, to a folder, or to a GGUF file
load-more = (and { $count } more: companion model check { $folder })
load-no-engine = There is no engine { $engine }. There are: { $names }.
load-no-device = The device { $device } was asked for, but this machine, or the torch installed on it, has none. Set the device to auto or cpu, or install a torch built for it.
load-damaged = A weights file in { $folder } is damaged ({ $problem }). Download it again.
load-parts-missing = The weights in { $folder } lack { $count } parts of the model. Download it again.
load-no-memory = The model in { $folder } does not fit into memory: { $problem } → choose a smaller one, or lower COMPANION_CONTEXT_TOKENS or COMPANION_SLOTS
load-no-package = { $package } is not installed here, and this model needs it
    .fix = pip install 'companion[worker]', or take a GGUF file of the model and pip install 'companion[cpu]'
load-cannot-generate = it was loaded but cannot generate: { $problem }
load-no-folder = There is no folder { $model }. Set COMPANION_MODEL to a model's folder or its name on the hub.
load-no-tokenizer = { $model } has no tokenizer.json. Download the model again with all its files.
load-bad-tokenizer = The tokenizer of { $model } cannot be loaded: { $problem } → companion model check { $model }
load-bad-template = The chat template of { $model } cannot be used: { $problem } → download the model again, or choose another one made for chat
load-no-template = { $model } has no chat template. Choose a model made for chat, not a base model.

engine-not-ready = The engine is not ready but { $stage }.
engine-not-started = The engine process cannot be started: { $problem } → companion doctor
engine-ended = The engine process ended unexpectedly.
no-door = The processes of the worker cannot share an engine, for there can be no socket at { $address }: { $problem } → set TMPDIR to a folder with a shorter name, or COMPANION_WORKER_PROCESSES=1

# Texts of `companion model explain`.

explain-no-such = there is no such folder, and the catalogue does not have it; it has { $names }
explain-nothing = nothing can be said without one readable tensor ({ $problem })
    .fix = companion model check says what is wrong
explain-unknown = a family that Companion does not know, or config.json and weights are of two: { $family }
    .fix = companion model check says what is wrong
explain-distill = { $name }: a distill of DeepSeek-R1. A { $family } model ({ $base }) that was trained on R1's answers; it is not the 671B original and is run like any { $family } model.
explain-original = { $name }: the 671B original's architecture, { $family }. R1, R1-Zero and { $base } have the same tensors and differ only in the numbers in them.
explain-base = { $name }: a { $family } model in the shape of { $like }, but without R1's marks in its tokenizer: most likely { $base }, from which that distill was made.
explain-other = { $name }: a { $family } model that is not of the R1 release.
explain-keys = Seen from its tensors: the attention has { $keys }.
explain-claims = Its name says DeepSeek-R1, its tensors say otherwise; the tensors are right.
explain-license = Licence: { $license }.
explain-damaged = Its files are not all whole: companion model check { $path }
explain-converter-dense = DeepSeek-V3's convert.py does not apply: it wants the original's q_a_proj and kv_a_proj_with_mqa, and stops at this { $family } model's k_proj and v_proj with “assert key in mapping”. Nothing has to be converted; the folder is loaded as it is.
explain-converter-original = DeepSeek-V3's convert.py is made for these tensors (q_a_proj, kv_a_proj_with_mqa), but only DeepSeek's own demo needs what it writes; vLLM and SGLang load the folder as it is.
explain-parameters = { $parameters } parameters.
explain-active = { $parameters } parameters, of which a token uses { $active }.
explain-memory = Weights: { $weights }. Memory of a conversation: { $token } a token, { $thousand } per 1,000 tokens.
explain-memory-unknown = How much memory this machine has could not be asked.
explain-gpus = Here: { $count } × { $name }, { $memory } each.
explain-cpu = Here: no GPU that torch can use; { $memory } of memory are free for the CPU.
explain-too-large = Its weights ({ $weights }) do not fit here.
explain-smaller = The largest of the release that fits: { $name }.
explain-people = Fits at once, people with { $context } tokens each: { $people }.
explain-speed = Ceiling for one person: { $ceiling } tokens a second ({ $count } × { $bandwidth } GB/s over what a token reads). It is never reached; good engines get to about 60 %.
explain-speed-unknown = The memory bandwidth of { $name } is not in the table, so no ceiling is given.
explain-engine = Companion would run it with: { $engine }.
explain-original-needs = It takes a machine with several GPUs, such as 8 × H200 (141 GB); 8 × 80 GB do not hold it. Companion's own engine does not run it; vLLM or SGLang does.
explain-several = It takes several GPUs. With vLLM installed (docs/engines.md): COMPANION_MODEL={ $id } COMPANION_ENGINE=vllm COMPANION_GPUS={ $count }. Or with a server:
explain-server = vllm serve { $id } --tensor-parallel-size { $count } --reasoning-parser deepseek_r1
    or: python -m sglang.launch_server --model-path { $id } --tp { $count } --reasoning-parser deepseek-r1
explain-use-server = Companion with such a server, here or elsewhere, needs no torch and no GPU: COMPANION_OPENAI_URLS=http://HOST:8000/v1 (SGLang: port 30000); companion doctor then asks it. More in docs/engines.md.
explain-sampling = Recommended: temperature { $temperature }, top_p { $top_p }, no system prompt, and a reply that begins with <think>.

# Texts of `companion model pull`.

pull-asks = { $hub }: asking for { $model }
pull-begins = { $files } files, { $total }, into { $folder }
pull-goes-on = { $files } files, { $total }, of which { $have } are in { $folder } already; going on
pull-all-there = { $files } files, { $total }: all in { $folder } already
pull-waits = another pull of this model into { $folder } is running; this one waits until it ends
pull-progress = { $percent } %  { $done } of { $total }  { $speed }/s  { $left } left
pull-again = { $hub } is busy or the connection broke; next try in { $seconds } s
pull-interrupted = interrupted; what has come is kept. To go on: { $again }
pull-offline = HF_HUB_OFFLINE is set: looking only on this machine for { $model }
pull-set = To use it, set COMPANION_MODEL={ $model }
pull-unfit = In { $folder } is what was published, but not all that a model needs; see the lines above.
pull-no-library = huggingface_hub is not installed here
    .fix = pip install 'companion[worker]'
pull-bad-name = neither a short name of the catalogue ({ $names }) nor an id of the hub, such as deepseek-ai/DeepSeek-R1-Distill-Qwen-7B
    .fix = check the name
pull-bad-address = { $hub } is no address
    .fix = write it whole, such as --mirror https://hf-mirror.com (or in HF_ENDPOINT)
pull-not-here = nothing of { $model } is on this machine
    .fix = unset HF_HUB_OFFLINE, or copy the model's folder from another machine
pull-no-model = { $hub } has no { $model }, or shows it only to some
    .fix = check the name; for a private model set HF_TOKEN
pull-no-revision = { $hub } has { $model }, but not this revision of it
    .fix = leave --revision out, or take one of { $hub }/{ $model }/commits/main
pull-gated = { $model } is only for those who accepted its terms
    .fix = accept them at { $hub }/{ $model }, make a token at https://huggingface.co/settings/tokens and set HF_TOKEN to it (a hub given by --mirror gets no token: set HF_ENDPOINT instead)
pull-token = { $hub } does not accept the token
    .fix = set HF_TOKEN to a valid one, or unset it: most models need none
pull-forbidden = { $hub } refuses { $model }
    .fix = a token needs the right to read this model; without a token: try later or a mirror
pull-adapter = { $model } is an adapter (LoRA): what was trained on top of another model, without that model itself
    .fix = take a copy that was published whole (such names often end with “merged”); or fetch this one with: hf download { $model } --local-dir FOLDER, and companion model check FOLDER says how the two are merged
pull-other-weights = { $model } has neither *.safetensors nor *.gguf, only others such as { $file }, which Companion does not load
    .fix = take a copy of the model with *.safetensors
pull-no-such-kind = { $model } has no GGUF file of the kind { $kind }; it has { $files }
    .fix = name one of those kinds, such as { $model }:Q4_K_M
pull-no-weights = { $model } has no weights
    .fix = check the name
pull-no-network = { $hub } cannot be reached ({ $problem })
    .fix = check the network and proxy (HTTPS_PROXY); where the hub is blocked: companion model pull { $model } --mirror https://hf-mirror.com
pull-proxy = the proxy refuses the way to { $hub }
    .fix = check HTTPS_PROXY and HTTP_PROXY
proxy-socks = a SOCKS proxy is set (in ALL_PROXY or HTTPS_PROXY) that cannot be used here
    .fix = unset ALL_PROXY and set HTTPS_PROXY=http://HOST:PORT, which most such programs offer too; or pip install socksio, and write the proxy as socks5://HOST:PORT
pull-no-hub = what answers at { $hub } is no hub, or does not know how to give this model
    .fix = check --mirror and HF_ENDPOINT; in some networks a login page answers for everybody
pull-too-many = { $hub } still says after several tries that it was asked too often
    .fix = run the same again later, it goes on; with HF_TOKEN more is allowed; or try a mirror with --mirror
pull-hub-broken = { $hub } is out of order (HTTP { $status }), also after several tries
    .fix = run the same again later, it goes on; or try a mirror with --mirror
pull-disk-full = { $needed } are needed and { $free } are free in { $folder }; nothing was fetched
    .fix = make room, or choose another disk: --to FOLDER, or HF_HOME
pull-disk-filled = the disk became full
    .fix = make room and run the same again; it goes on
pull-cannot-write = it cannot be written: { $problem }
    .fix = check the rights of the folder; another one: --to FOLDER, or HF_HOME
pull-cut = the connection to { $hub } broke, also after several tries
    .fix = run the same again; it goes on
pull-other-size = { $hub } sends a file of another size than it says
    .fix = run the same again; if it happens again, try another mirror with --mirror
pull-size-differs = { $file } is not there with its { $want }
    .fix = remove { $file } and run the same again; only this file is fetched
pull-hash-differs = { $file } came damaged and was removed: its hash is { $have } and should be { $want }
    .fix = run the same again; only this file is fetched. If it happens again, try another mirror with --mirror

# Texts of `companion doctor` about the model.

check-engine = engine
check-model = model
check-room = room for the model
check-gpu = gpu
check-memory = memory for the model
check-server = model server
check-vllm = vllm
check-llamacpp = llamacpp
check-tokenizer = tokenizer

doctor-card = { $name }, driver { $driver }
doctor-engine = { $engine }, chosen for this model and this machine
doctor-model = { $model }, { $parameters } M parameters, safetensors, every file whole
doctor-gguf = { $file }, { $parameters } M parameters, GGUF, mostly { $kind }, whole
doctor-tokenizer-beside = the tokenizer.json beside the model
doctor-tokenizer-own = built from the vocabulary and the chat template in the GGUF file
doctor-to-fetch = { $model } is not on this machine yet; the first start fetches it from the hub
doctor-goes-on = { $model } is not whole on this machine yet; the start goes on fetching it
doctor-room = { $free } free for { $folder }, and about { $need } are needed
    .fix = free some space there, or set HF_HOME to another disk
doctor-gpu = { $name }, { $free } free
doctor-gpu-none = none: the CPU is used
doctor-gpu-unwanted = not used: the CPU is asked for
doctor-gpu-mac = the one of this Mac
doctor-gpu-useless = { $card } is there, but torch { $version } cannot use it
    .fix = install the torch for this GPU's driver: https://pytorch.org/get-started/locally
doctor-loaded = its weights take { $weights }, and the worker on this machine has loaded them
doctor-memory-unknown = its weights take { $weights }; how much is free could not be asked here
doctor-fits = its weights take { $weights } of { $free } free; conversations take the rest
doctor-fits-people = its weights take { $weights } of { $free } free; beside them is room for { $people } people with { $context } tokens each
doctor-too-full = its weights take { $weights }, and { $free } are free
    .fix = end what else uses it
doctor-too-large = its weights take { $weights }, and { $free } are free
    .fix = set COMPANION_MODEL to another model, or to `bundled`; companion model explain says which fits

## The engine `openai`: what can be wrong with a server

openai-elsewhere = openai engine: what people write leaves this machine and goes to { $places }
openai-well = { $url } answers and has { $model }; what people write leaves this machine and goes there
openai-well-here = { $url } answers and has { $model }
openai-no-urls = the openai engine has no server
    .fix = set COMPANION_OPENAI_URLS, for example to http://localhost:8000/v1
openai-no-httpx = the openai engine needs httpx, which is not installed here
    .fix = pip install 'companion[openai]'
openai-unreachable = { $url } cannot be reached ({ $problem })
    .fix = check that the server runs, and COMPANION_OPENAI_URLS
openai-silent = { $url } has not answered within { $seconds } s
    .fix = look whether it is overloaded or still loads its model; COMPANION_OPENAI_FIRST_SECONDS is how long to wait
openai-stalled = { $url } went silent for { $seconds } s in the middle of a reply
    .fix = look at the server's log; COMPANION_OPENAI_NEXT_SECONDS is how long to wait
openai-cut = { $url } cut a reply off
    .fix = look at the server's log, and at the timeouts of whatever stands between
openai-key = { $url } refuses the key (HTTP { $status })
    .fix = set COMPANION_OPENAI_KEY to a key of this server
openai-unpaid = { $url } wants money (HTTP { $status })
    .fix = pay for the account that the key belongs to
openai-no-path = { $url } has no such API (HTTP { $status })
    .fix = end COMPANION_OPENAI_URLS where the server's documentation does, mostly with /v1
openai-redirect = { $url } sends us elsewhere (HTTP { $status })
    .fix = set COMPANION_OPENAI_URLS to the place it names, often https:// in place of http://
openai-no-model = { $url } has no model { $model }; it has: { $names }
    .fix = set COMPANION_OPENAI_MODEL to one of them
openai-which-model = { $url } has several models: { $names }
    .fix = set COMPANION_OPENAI_MODEL to one of them
openai-no-models = { $url } has no model yet
    .fix = load one there, for example: ollama pull deepseek-r1
openai-no-list = { $url } does not say which models it has
    .fix = set COMPANION_OPENAI_MODEL, and end COMPANION_OPENAI_URLS where the server's documentation does, mostly with /v1
openai-too-long = { $url } finds the prompt too long for its model
    .fix = set COMPANION_CONTEXT_TOKENS to the context that the server was started with, or less
openai-busy = { $url } has too much to do (HTTP 429) and asks for { $seconds } s of patience
    .fix = lower COMPANION_SLOTS, or name more servers in COMPANION_OPENAI_URLS
openai-broken = { $url } has a fault of its own (HTTP { $status })
    .fix = look at the server's log
openai-refused = { $url } refuses the request (HTTP { $status })
    .fix = companion doctor; then look at the server's log
openai-web-page = { $url } answers with a web page
    .fix = end COMPANION_OPENAI_URLS where the API begins, mostly with /v1
openai-not-understood = { $url } answers with something that is no OpenAI-compatible stream
    .fix = check COMPANION_OPENAI_URLS, and what stands between
openai-stray-thought = { $url } ended a thought that it had not begun; from now on its replies are read as beginning with one
    .fix = start the server with a reasoning parser, for example: vllm serve … --reasoning-parser deepseek_r1
openai-no-thought = { $url } did not end the thought that its reply seemed to begin with; from now on its replies are read as answers
    .fix = start the server with a reasoning parser, for example: vllm serve … --reasoning-parser deepseek_r1

## The engines `paged` and `transformers`

transformers-cannot-load = transformers cannot load the model in { $folder }: { $problem } → companion model check { $folder }
paged-cannot-load = the paged engine cannot load the model in { $folder }: { $problem } → companion model check { $folder }
paged-not-covered = The paged engine does not run the model in { $folder }: { $problem }. Set COMPANION_ENGINE=transformers.
paged-on-a-mac = The paged engine does not know the GPU of a Mac. Set COMPANION_ENGINE=transformers.
load-only-whole = The engine { $engine }, which is to run this model, takes its weights only as they are. Take COMPANION_WEIGHTS=fp8 away.
paged-no-eight-bits = Weights in 8 bits need an NVIDIA GPU of the Ada or Hopper generation or newer (compute capability 8.9). Take COMPANION_WEIGHTS=fp8 away.
paged-no-room = The model fits into the GPU's memory, but no conversation beside it. Use a smaller one.
odd-family = models of type { $family }
odd-activation = the activation { $activation }
odd-weights = quantized weights
odd-forward-biases = biases in the feed-forward part
odd-attention-biases = biases in attention
odd-windows = sliding windows
odd-rope = rope scaling of type { $kind }
odd-rope-part = rope on a part of each head
odd-number = config.json has no usable { $field }
odd-config = config.json cannot be read ({ $problem })

## The engine `vllm`

vllm-missing = the vllm engine needs vLLM, which is not installed here
    .fix = in an environment of its own: pip install 'companion[console,embedded,vllm]'; or set COMPANION_ENGINE=auto
vllm-cannot-load = vLLM cannot load the model in { $folder }: { $problem }
    .fix = the lines above this one in the worker's log say why; if the GPU's memory is too small: lower COMPANION_CONTEXT_TOKENS or COMPANION_SLOTS, or spread the model with COMPANION_GPUS

## The engine `llamacpp`

llamacpp-missing = the llamacpp engine needs llama-cpp-python, which is not installed here
    .fix = pip install 'companion[cpu]' (it is built from source: some minutes, with a C++ compiler and cmake)
llamacpp-no-gguf = The llamacpp engine reads GGUF files, and there is none in { $place }. Set COMPANION_MODEL to a *.gguf file, or COMPANION_ENGINE=auto.
    .fix = COMPANION_MODEL=FILE.gguf, or COMPANION_ENGINE=auto
llamacpp-no-device = The device { $device } was asked for, but the llama.cpp that is installed was built without it. Set the device to auto or cpu, or build llama-cpp-python for it.
llamacpp-no-writer = a model of the family { $family } does not write on after a prompt
llamacpp-too-large = { $need } are needed, and { $free } are free
llamacpp-cannot-load = llama.cpp cannot load { $file }: { $problem }
    .fix = companion model check { $quoted }; if the file is whole, this llama.cpp does not know the model: take another

## What a worker does, step by step

stage = { $stage }
engine-stage = engine: { $stage }
engine-gave-up = the engine gave up: { $reason } { $detail }
say-cut = the answer was cut: it had reached its limit (COMPANION_ANSWER_TOKENS), or only repeated itself
say-nothing = the model gave no answer, twice; try another prompt, or another model

## Help. The text is the line in a list, `.more` follows on the command's own page, the other parts are its options.

help = The part of Companion that makes the replies.
help-run = Take conversations from the queue and answer them.
    .redis_url = The Redis of the adapters.
    .grace = Seconds that replies have to end when the worker stops.
    .with_parent = End when standard input closes: whoever started it is gone.
    .place = Which process of a worker this is; the first one starts the others with it.
help-say = Answer one prompt and leave; no queue, no memory.
    .persona = Who answers.
help-doctor = Check the model, the memory, the disk and the GPU, a line each.
    .more = Exit status 1 when something is wrong.
help-model = Fetch a model, and look at a model's files without loading them.
help-model-pull = Fetch a model by short name (r1-7b) or hub id and check it.
    .more = Run again, it goes on where it ended.
    .mirror = Another hub, where the usual one cannot be reached; gets no token.
    .revision = A branch, tag or commit.
    .to = Here instead of the hub's cache.
help-model-check = Say for every file of a model whether it is whole.
    .more = Exit status 1 when something is wrong.
    .deep = Also read every byte and compare it with the published hash.
    .as_json = For programs.
help-model-explain = Say what a model is, what it needs and how fast it can be.
    .more = NAME is a folder, or a name such as r1-7b.
    .as_json = For programs.
