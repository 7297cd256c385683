pipeline { agent any
 stages { stage('a') { steps { echo 'x' } } } }
